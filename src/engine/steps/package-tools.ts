/** Whose package manager does the work of a step: the tree's own, or the host's. */
import { statSync } from 'node:fs';
import { hostPrograms, managerPrograms, missingTool, type PackageRequest } from '../../packages/index.ts';
import type { PackagesStep } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import type { LookContext } from '../context.ts';
import { keyOf } from '../keys/keys.ts';
import { chainOf } from '../layer-records.ts';
import type { LayerRecord } from '../values.ts';
import { treeOf } from './targets.ts';

/** @throws AshlarError when neither the tree nor the host has a program for it. */
export async function toolFor(
  { manager, at }: Pick<PackagesStep, 'manager' | 'at'>,
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<PackageRequest['tool']> {
  const { tool, program } = await chooseTool(manager, layers, context);
  if (program === undefined) return tool;
  if (findProgram(program) === undefined) {
    const { message, hint } = missingTool(manager, program);
    throw new AshlarError(message, { at, hint });
  }
  context.emit({ kind: 'program-used', program, version: await versionOf(program, context) });
  return tool;
}

interface Choice {
  readonly tool: PackageRequest['tool'];
  /** Of this machine, whether it is here or not; undefined for the tree's own. */
  readonly program: string | undefined;
}

/** Follows from the layers alone, and is remembered: keys ask for it in every build. */
async function chooseTool(
  manager: PackagesStep['manager'],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<Choice> {
  const { database } = context.store;
  const key = keyOf('package manager', [
    ['layers', chainOf(layers)],
    ['manager', manager],
  ]);
  const known = database.recall('lookups', key) as PackageRequest['tool'] | undefined;
  const tool = known ?? (await findTool(manager, layers, context));
  if (!known) database.remember('lookups', key, tool);
  const { host, hostOnNothing } = hostPrograms(manager);
  return { tool, program: { tree: undefined, host, 'host-on-nothing': hostOnNothing }[tool] };
}

async function findTool(
  manager: PackagesStep['manager'],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<PackageRequest['tool']> {
  const { inTree, databases } = managerPrograms(manager);
  if (await hasAny(inTree, layers, context)) return 'tree';
  return (await hasAny(databases, layers, context)) ? 'host' : 'host-on-nothing';
}

async function hasAny(
  paths: readonly string[],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<boolean> {
  if (layers.length === 0) return false;
  const { tree, settle } = await treeOf(layers, context);
  for (const path of paths) {
    const { found } = await tree.resolve(path);
    if (found.kind === 'absent') continue;
    await settle();
    return true;
  }
  return false;
}

/** The host's program that does the work, and its version; undefined where the tree's own does it. */
export async function hostToolVersion(
  manager: PackagesStep['manager'],
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<string | undefined> {
  const { program } = await chooseTool(manager, layers, context);
  if (program === undefined) return undefined;
  return `${program} ${findProgram(program) === undefined ? 'none' : await versionOf(program, context)}`;
}

/** What a program that is here says of itself, remembered until it is another one. */
async function versionOf(program: string, { store }: LookContext): Promise<string> {
  const path = findProgram(program) ?? program;
  const { size, mtimeMs } = statSync(path);
  const key = keyOf('package tool', [['stamp', `${path} ${size} ${mtimeMs}`]]);
  const known = store.database.recall('lookups', key);
  if (typeof known === 'string') return known;
  const { stdout, stderr } = await runProgram(path, ['--version']);
  const version = /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'unknown';
  store.database.remember('lookups', key, version);
  return version;
}
