/** The first half of a build: what makes a system of a description, in the order that scripts rely on. */
import type { Step, Surroundings } from '../../../plan/types.ts';
import type { KiwiDescription } from '../model.ts';
import { accountChanges } from './accounts.ts';
import {
  archiveSteps,
  certificateSteps,
  earlyImportSteps,
  fileSteps,
  importSteps,
  overlaySteps,
  setupStep,
} from './files.ts';
import type { KiwiPlanOptions } from './options.ts';
import { packageSteps } from './packages.ts';
import { imageRepositories } from './repositories.ts';
import { IMAGE_DIRECTORY, runScript, runText, scriptOf } from './scripts.ts';

/** @throws AshlarError for what cannot be built. */
export function prepareSteps(
  description: KiwiDescription,
  options: KiwiPlanOptions,
  surroundings: Surroundings,
): readonly Step[] {
  const { packages, at } = description;
  const wanted = packageSteps(description, options);
  const script = (name: 'post_bootstrap.sh' | 'config.sh') => {
    const found = scriptOf(name, description);
    return found ? [runScript(found, surroundings)] : [];
  };
  const early = script('post_bootstrap.sh');
  return [
    ...clearing(description),
    ...wanted.bootstrap,
    ...archiveSteps('bootstrap archives', packages.bootstrapArchives, description),
    ...fileSteps('bootstrap files', packages.bootstrapFiles, description),
    ...(early.length > 0 ? earlyImportSteps(description) : []),
    ...early,
    ...certificateSteps(description, options, surroundings),
    ...wanted.system,
    ...archiveSteps('archives', packages.archives, description),
    ...wanted.added,
    // Not before the packages: they are not to be installed anew whenever a word of the description changes.
    ...importSteps(description, options),
    ...overlaySteps(description),
    ...setupStep('system', systemChanges(description, options), at),
    ...themeSteps(description, surroundings),
    ...permissionSteps(description, surroundings),
    ...fileSteps('files', packages.files, description),
    ...setupStep('repositories', imageRepositories(description, options), at),
    ...script('config.sh'),
    ...wanted.removed,
  ];
}

/** Nothing of another description is left, and what systems need to run is there. */
function clearing({ at }: KiwiDescription): readonly Step[] {
  const directories = ['/dev', '/dev/pts', '/proc', '/etc', '/etc/sysconfig', '/run', '/sys', '/var'];
  return setupStep(
    'base',
    [
      ...removedDescription(),
      ...directories.map(path => ({ kind: 'directory', path, mode: 0o755, ifMissing: true }) as const),
    ],
    at,
  );
}

/** A description that is in the tree, with what belongs to it. */
export function removedDescription() {
  return [IMAGE_DIRECTORY, '/.kconfig', '/.profile'].map(path => ({ kind: 'remove', path }) as const);
}

function systemChanges(description: KiwiDescription, options: KiwiPlanOptions) {
  const { id, preferences } = description;
  const { locales, keytable, timezone } = preferences;
  return [
    ...(id === undefined
      ? []
      : [{ kind: 'file', path: '/etc/ImageID', text: `${id}\n`, mode: 0o644 } as const]),
    ...accountChanges(description, options),
    ...(keytable ? [{ kind: 'keytable', keytable: keytable.value, at: keytable.at } as const] : []),
    ...(locales ? [{ kind: 'locale', locales: locales.value, at: locales.at } as const] : []),
    ...(timezone ? [{ kind: 'timezone', timezone: timezone.value, at: timezone.at } as const] : []),
  ];
}

function themeSteps({ preferences, at }: KiwiDescription, surroundings: Surroundings): readonly Step[] {
  const { bootsplashTheme: theme } = preferences;
  if (theme === undefined) return [];
  // A name of the description is data, not a part of a command.
  const set = { ...surroundings.environment.set, kiwi_splash_theme: theme };
  const lines =
    'if ! command -v plymouth-set-default-theme > /dev/null; then exit 0; fi\n' +
    'exec plymouth-set-default-theme "$kiwi_splash_theme"\n';
  const around = { ...surroundings, environment: { ...surroundings.environment, set } };
  return [runText(lines, 'plymouth-set-default-theme', around, at)];
}

/** Modes and owners as SUSE's permissions say. */
function permissionSteps({ preferences, at }: KiwiDescription, surroundings: Surroundings): readonly Step[] {
  if (preferences.packageManager.value !== 'zypper') return [];
  const lines = 'if ! command -v chkstat > /dev/null; then exit 0; fi\nexec chkstat --system --set\n';
  return [runText(lines, 'chkstat', surroundings, at)];
}
