/** `system stash`: trees become containers that systems are built on, and the list of them. */
import {
  type ListedStash,
  type ListedTag,
  listStashes,
  type StashedTree,
  stashHome,
  stashTree,
} from '../../engine/index.ts';
import { openImage } from '../../oci/index.ts';
import { identifyKiwi } from '../../recipes/kiwi/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram } from '../../support/process.ts';
import { deliver } from '../cekit/deliver.ts';
import { followed } from '../follow.ts';
import type { KiwiGlobals } from '../kiwi/globals.ts';
import { SystemUsageError } from '../kiwi/usage.ts';
import type { Log } from '../log.ts';
import { readSettings, type Settings } from '../settings.ts';
import { decimalSize } from '../size.ts';
import { section } from '../table.ts';
import { buildOptions } from './build-options.ts';

export interface SystemStashFlags {
  readonly root?: string;
  readonly tag?: string;
  readonly containerName?: string;
  readonly podman?: true;
  readonly list?: true;
  readonly details?: true;
  readonly json?: true;
}

/** @param word What stands behind the options. */
export async function systemStash(
  globals: KiwiGlobals,
  word: string | undefined,
  flags: SystemStashFlags,
): Promise<void> {
  checkFlags(word, flags);
  const settings = await readSettings(globals.ashlar);
  if (flags.list) await list(settings, flags);
  else await stash(globals, settings, flags);
}

function checkFlags(
  word: string | undefined,
  { root, tag, containerName, podman, ...flags }: SystemStashFlags,
) {
  const { list: wantsList, details, json } = flags;
  if (word !== undefined) throw new SystemUsageError(`too many arguments: ${word}`);
  if (wantsList && (root ?? tag ?? containerName ?? podman) !== undefined)
    throw new SystemUsageError('--list goes with --details and --json only');
  if (!wantsList && root === undefined)
    throw new SystemUsageError('--root is missing: the tree to keep', { hint: '--list shows what is kept' });
  if (!wantsList && (details || json)) throw new SystemUsageError('--details and --json go with --list');
}

async function stash(
  globals: KiwiGlobals,
  settings: Settings,
  { root = '', tag = 'latest', containerName, podman }: SystemStashFlags,
): Promise<void> {
  // Not to be found out when the work is done.
  if (podman && findProgram('podman') === undefined)
    throw new AshlarError('podman is not installed', {
      hint: 'apt install podman | dnf install podman | zypper install podman; or leave out --podman',
    });
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  await followed(globals.ashlar, {}, async ({ log, emit, signal }) => {
    const order = { root, name: containerName, tag, describe: identifyKiwi };
    const stashed = await stashTree(order, options, emit, signal);
    tell(stashed, log);
    if (podman) await load(stashed, settings.store, log, signal);
    process.stdout.write(`oci:${stashed.layout}:${tag}\n`);
  });
}

function tell({ name, tag, layers, added, described, layout, digest }: StashedTree, log: Log): void {
  const state = added
    ? `layer ${layers} has ${added.entries} entries, ${decimalSize(added.size)}`
    : 'unchanged';
  log('info', `stash ${name}:${tag}: ${state} (${digest})`);
  if (!described)
    log('info', 'the tree holds no description in /image: the stash can be built upon, but not rebuilt');
  log(
    'info',
    `ashlar publish --stash ${name}:${tag} --url docker://<registry>/<path> sends it to a registry`,
  );
  log('info', `skopeo copy oci:${layout}:${tag} <destination> copies it anywhere else`);
}

async function load(
  { name, tag, layout: path }: StashedTree,
  temporary: string,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const image = await openImage({ transport: 'oci', path, tag }, { signal });
  const podmanName = `localhost/${name}:${tag}`;
  const say = (text: string) => log('info', text);
  await deliver('podman', { image, names: [podmanName], temporary, say, signal });
  log('info', `loaded into podman as ${podmanName}`);
}

async function list({ store }: Settings, { details, json }: SystemStashFlags): Promise<void> {
  const stashes = await listStashes(store);
  const home = stashHome(store);
  if (json) return print(`${JSON.stringify({ [home]: stashes }, null, 2)}\n`);
  if (details) return print(table(stashes));
  print(`${JSON.stringify({ [home]: stashes.map(({ name }) => name) }, null, 2)}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}

function table(stashes: readonly ListedStash[]): string {
  const lines = stashes.flatMap(({ name, tags }) =>
    section(
      name,
      tags.map(tag => ({ cells: cellsOf(tag) })),
      false,
    ),
  );
  return lines.map(line => `${line}\n`).join('');
}

function cellsOf({ tag, digest, layers, size, created, description }: ListedTag): readonly string[] {
  const { name = 'no description', version = '' } = description ?? {};
  return [
    tag,
    `${layers} ${layers === 1 ? 'layer' : 'layers'}`,
    decimalSize(size),
    created ?? '',
    digest.slice(0, 19),
    `${name} ${version}`.trim(),
  ];
}
