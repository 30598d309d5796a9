/** Scripts of a description: which there are, and the steps that run them. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEnvironment, RunStep, Surroundings } from '../../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import { defaultPath } from '../../references.ts';
import type { KiwiDescription } from '../model.ts';
import { textOf } from './attributes.ts';
import { isFile } from './beside.ts';
import { profileVariables, shellQuoted } from './profile.ts';

/** Where the description is in the tree. */
export const IMAGE_DIRECTORY = '/image';

/** Those that are found by their names. */
export const SCRIPTS = [
  'post_bootstrap.sh',
  'config.sh',
  'images.sh',
  'pre_disk_sync.sh',
  'disk.sh',
] as const;

export type ScriptName = (typeof SCRIPTS)[number];

/** A script of a description. */
export interface Script {
  readonly name: string;
  /** Arguments, each a word. */
  readonly words: readonly string[];
  /** Whether it is started as a program; bash reads it otherwise. */
  readonly executable: boolean;
  readonly at: SourceSpan;
}

/** The script of a name, if there is one beside the description. */
export function scriptOf(name: ScriptName, { directory, at }: KiwiDescription): Script | undefined {
  const entry = statSync(join(directory, name), { throwIfNoEntry: false });
  if (!entry?.isFile()) return undefined;
  return { name, words: [], executable: (entry.mode & 0o111) !== 0, at };
}

/** What the script of `editbootconfig` is called in the tree, whatever its name beside the description. */
export const BOOT_SCRIPT = 'edit_boot_config.sh';

/** The script of `editbootconfig` beside the description. @throws AshlarError when it is not there. */
export function bootScript({ directory, type }: KiwiDescription): string | undefined {
  const name = textOf(type.attributes, 'editbootconfig');
  if (name === undefined || name === '') return undefined;
  if (!isFile(join(directory, name))) {
    throw new AshlarError(`Specified script ${name} does not exist`, {
      at: type.attributes.editbootconfig?.at,
    });
  }
  return name;
}

/** A description that is in a tree: what it calls by names of its own has those of the tree. */
export function inTree(description: KiwiDescription): KiwiDescription {
  const { type } = description;
  const { editbootconfig } = type.attributes;
  if (!editbootconfig?.value) return description;
  const attributes = { ...type.attributes, editbootconfig: { ...editbootconfig, value: BOOT_SCRIPT } };
  return { ...description, type: { ...type, attributes } };
}

/** Runs a script that is in the tree. */
export function runScript(script: Script, surroundings: Surroundings): RunStep {
  const { name, words, executable, at } = script;
  const command = [`${IMAGE_DIRECTORY}/${name}`, ...words].map(shellQuoted).join(' ');
  return runText(`exec ${executable ? '' : 'bash '}${command}\n`, name, surroundings, at);
}

/** Runs lines of a shell at the root of the tree. */
export function runText(lines: string, name: string, surroundings: Surroundings, at: SourceSpan): RunStep {
  return {
    kind: 'run',
    script: `#!/bin/sh\ncd /\n${lines}`,
    surroundings,
    createdBy: `kiwi ${name}`,
    failure: `${name} failed with`,
    at,
  };
}

/** What scripts find around them: nothing of the host but what the user says. */
export function surroundingsOf(
  description: KiwiDescription,
  given: Readonly<Record<string, string>>,
): Surroundings {
  const environment: RunEnvironment = {
    defaults: {},
    passThrough: [],
    set: { PATH: defaultPath, HOME: '/root', LANG: 'C', ...profileVariables(description), ...given },
  };
  return { environment, binds: [], importDirectories: ['/.ashlar'] };
}
