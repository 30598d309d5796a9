/** Packages of a description as steps. */
import type { PackageManager, PackagesStep } from '../../../plan/system-steps.ts';
import type { Source } from '../../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import type { KiwiDescription, KiwiPackage } from '../model.ts';
import type { KiwiPlanOptions } from './options.ts';
import { buildRepositories } from './repositories.ts';

/** In the order in which they are done; scripts and files come between them. */
export interface PackageSteps {
  readonly bootstrap: readonly PackagesStep[];
  readonly system: readonly PackagesStep[];
  /** What the command line adds and removes. */
  readonly added: readonly PackagesStep[];
  readonly removed: readonly PackagesStep[];
}

const MANAGERS = [
  'apt',
  'zypper',
  'dnf4',
  'dnf5',
  'microdnf',
  'apk',
  'pacman',
] as const satisfies readonly PackageManager[];

/** @throws AshlarError when packages are to come from nowhere. */
export function packageSteps(description: KiwiDescription, options: KiwiPlanOptions): PackageSteps {
  const { packages, preferences, at } = description;
  const { packages: choice, stack, warn } = options;
  const { recommended } = packages;
  const fromNothing = stack.length === 0;
  const step = stepsOf(description, options);
  const hasBootstrap = packages.hasBootstrap || choice.bootstrap.length > 0;
  if (!hasBootstrap) warn('No <packages> sections marked as "bootstrap" found', undefined);
  const bootstrap = step('bootstrap', {
    bootstrap: fromNothing,
    install: [...names(packages.bootstrap), ...choice.bootstrap],
    collections: packages.bootstrapCollections.map(({ name, at }) => ({ kind: 'collection', name, at })),
    recommended: recommended.bootstrap,
  });
  const system = step('packages', {
    install: names(packages.system),
    collections: [
      ...packages.modules
        .filter(({ enable }) => enable)
        .map(module => ({
          kind: 'module' as const,
          name: module.stream === undefined ? module.name : `${module.name}:${module.stream}`,
          at: module.at,
        })),
      ...packages.collections.map(({ name, at }) => ({ kind: 'collection' as const, name, at })),
      ...packages.products.map(({ name, at }) => ({ kind: 'product' as const, name, at })),
    ],
    ignore: names(packages.ignore),
    recommended: recommended.system,
  });
  const added = step('packages of the command line', {
    install: choice.install,
    delete: choice.delete,
    recommended: recommended.system,
  });
  const removed = step('removal of packages', {
    uninstall: names(packages.uninstall),
    delete: names(packages.delete),
  });
  const lacking = [...bootstrap, ...system, ...added].find(
    ({ repositories, install, collections }) =>
      repositories.length === 0 && install.length + collections.length > 0,
  );
  if (lacking) {
    const skipped = description.repositories.find(({ imageOnly }) => !imageOnly);
    throw new AshlarError('No repositories configured', {
      at: skipped?.at ?? at,
      hint: skipped
        ? `${skipped.source} does not exist: make it, or say another with --set-repo`
        : 'name one in the description, or on the command line with --add-repo',
    });
  }
  if (fromNothing && bootstrap.length === 0 && system.length > 0) {
    throw new AshlarError(
      `there is nothing that ${preferences.packageManager.value} could install packages into`,
      {
        at,
        hint: 'add a <packages type="bootstrap"> section, or build on a stash',
      },
    );
  }
  return { bootstrap, system, added, removed };
}

type Wanted = Partial<
  Pick<
    PackagesStep,
    'bootstrap' | 'install' | 'collections' | 'ignore' | 'uninstall' | 'delete' | 'recommended'
  >
>;

/** Steps that have in common what the description says of all packages; none where nothing is wanted. */
function stepsOf(
  description: KiwiDescription,
  options: KiwiPlanOptions,
): (what: string, wanted: Wanted) => readonly PackagesStep[] {
  const { preferences } = description;
  const { value, at } = preferences.packageManager;
  const manager = MANAGERS.find(name => name === value);
  if (!manager) throw new AshlarError(`unknown package manager: ${value}`, { at });
  const locales = preferences.locales?.value ?? [];
  const repositories = buildRepositories(description, options);
  const keys = options.packages.signingKeys.map(path => keyFile(path, at));
  return (what, wanted) => {
    const step: PackagesStep = {
      kind: 'packages',
      manager,
      repositories,
      bootstrap: false,
      install: [],
      collections: [],
      ignore: [],
      uninstall: [],
      delete: [],
      recommended: false,
      excludeDocs: preferences.rpmExcludeDocs ?? false,
      locales: preferences.rpmLocaleFiltering ? ['POSIX', 'C', 'C.UTF-8', ...locales] : [],
      checkSignatures: preferences.rpmCheckSignatures ?? false,
      ...(preferences.releaseVersion !== undefined && { releaseVersion: preferences.releaseVersion }),
      keys,
      createdBy: `kiwi ${what}`,
      failure: `${what} failed`,
      at,
      ...wanted,
    };
    const { install, collections, uninstall, delete: deleted } = step;
    return [install, collections, uninstall, deleted].some(list => list.length > 0) ? [step] : [];
  };
}

function keyFile(path: string, at: SourceSpan): Source {
  return { kind: 'file', path, follow: true, at };
}

function names(packages: readonly KiwiPackage[]): readonly string[] {
  return packages.map(({ name }) => name);
}
