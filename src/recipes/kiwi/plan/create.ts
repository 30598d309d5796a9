/** The second half of a build: what happens to a tree on its way into a result, and to no other tree. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bootPartitionNumber } from '../../../plan/outputs.ts';
import type { SetupChange } from '../../../plan/system-steps.ts';
import type { Step, Surroundings } from '../../../plan/types.ts';
import { AshlarError } from '../../../support/errors.ts';
import { sourceText } from '../../../support/source-text.ts';
import { parseYaml, textOf as textOfNode } from '../../../support/yaml.ts';
import type { KiwiDescription } from '../model.ts';
import { textOf } from './attributes.ts';
import { diskSpec } from './disk.ts';
import { EXCLUDES, setupStep } from './files.ts';
import { shellQuoted } from './profile.ts';
import {
  BOOT_SCRIPT,
  bootScript,
  IMAGE_DIRECTORY,
  runScript,
  runText,
  type ScriptName,
  scriptOf,
} from './scripts.ts';
import { initrdSystemOf } from './type.ts';

/** `images.sh` runs at the start of every create, also on a tree where it has run before. */
export function imagesScript(description: KiwiDescription, surroundings: Surroundings): readonly Step[] {
  return scriptSteps('images.sh', description, surroundings);
}

/** Steps on a copy of the finished tree, which only the result sees. */
export function resultSteps(description: KiwiDescription, surroundings: Surroundings): readonly Step[] {
  const { at, type } = description;
  return [
    ...(type.image === 'oem' ? diskSteps(description, surroundings) : []),
    ...setupStep('cleaning', leftOut(description), at),
  ];
}

function diskSteps(description: KiwiDescription, surroundings: Surroundings): readonly Step[] {
  const { at, type } = description;
  const changes: readonly SetupChange[] = initrdSystemOf(type) === 'dracut' ? [{ kind: 'machine-id' }] : [];
  return [
    ...setupStep('identity of the disk', changes, at),
    ...bootConfigSteps(description, surroundings),
    ...scriptSteps('pre_disk_sync.sh', description, surroundings),
    ...scriptSteps('disk.sh', description, surroundings),
  ];
}

function scriptSteps(
  name: ScriptName,
  description: KiwiDescription,
  surroundings: Surroundings,
): readonly Step[] {
  const script = scriptOf(name, description);
  return script ? [runScript(script, surroundings)] : [];
}

/** The script sees the tree as its working directory; here that is all that it sees. */
function bootConfigSteps(description: KiwiDescription, surroundings: Surroundings): readonly Step[] {
  if (bootScript(description) === undefined) return [];
  const { attributes, at } = description.type;
  const fileSystem = textOf(attributes, 'bootfilesystem') ?? textOf(attributes, 'filesystem') ?? '';
  const words = [fileSystem, String(bootPartitionNumber(diskSpec(description)))].map(shellQuoted).join(' ');
  const lines = `exec bash --norc ${IMAGE_DIRECTORY}/${BOOT_SCRIPT} ${words}\n`;
  return [runText(lines, 'editbootconfig', surroundings, attributes.editbootconfig?.at ?? at)];
}

/** What systems are not given: the description, what only the build needs, what it excludes. */
function leftOut(description: KiwiDescription): readonly SetupChange[] {
  const paths = [
    '/image',
    '/.kconfig',
    '/.profile',
    '/config.bootoptions',
    '/.buildenv',
    '/var/cache/kiwi',
    '/run/*',
    '/tmp/*',
    ...excluded(description),
  ];
  return paths.map(path => ({ kind: 'remove', path }));
}

const LONGEST_EXCLUDES = 1 << 20;

/** @throws AshlarError when the file is not what it must be. */
export function excluded({ directory }: KiwiDescription): readonly string[] {
  const file = join(directory, EXCLUDES);
  const entry = statSync(file, { throwIfNoEntry: false });
  if (!entry?.isFile()) return [];
  if (entry.size > LONGEST_EXCLUDES)
    throw new AshlarError(`${EXCLUDES} has more than ${LONGEST_EXCLUDES} bytes`);
  const content = parseYaml(sourceText(file, readFileSync(file, 'utf8')));
  const wrong = () =>
    new AshlarError(`${EXCLUDES} must hold a list of patterns: exclude`, { at: content.span });
  if (content.kind !== 'map') throw wrong();
  const list = content.entries.find(({ key }) => textOfNode(key) === 'exclude')?.value;
  if (list?.kind !== 'list') throw wrong();
  return list.items.map(item => {
    const pattern = textOfNode(item);
    if (pattern === undefined) throw wrong();
    return `/${pattern.replace(/^\/+/, '')}`;
  });
}
