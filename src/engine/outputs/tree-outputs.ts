/** Disks, file systems and archives: made of the mounted tree, by the process in our own namespaces. */
import { mkdirSync } from 'node:fs';
import { makeFormat } from '../../disk/index.ts';
import type { ArchiveOutput, DiskOutput, FileSystemOutput } from '../../plan/outputs.ts';
import { type BuildContext, say } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import type { MadeOfTree, OutputRequest, TreeFacts } from '../inside/requests.ts';
import { withoutPlaces } from '../keys/comparison.ts';
import { canonical, type KeyPart } from '../keys/keys.ts';
import { type Delivered, deliver } from './kept.ts';
import { formatPrograms, type NeededPrograms, programParts, treePrograms } from './programs.ts';
import { type OutputTree, treeDetails } from './tree.ts';

export type TreeOutput = ArchiveOutput | DiskOutput | FileSystemOutput;

/** Makes a file of the tree, or copies the one that is known. */
export async function makeTreeOutput(
  output: TreeOutput,
  tree: OutputTree,
  target: string,
  image: string,
  context: BuildContext,
): Promise<Delivered<TreeFacts>> {
  const work = workOf(output);
  return deliver<TreeFacts>(
    {
      domain: `output ${work.kind}`,
      parts: await partsOf(work, tree, treePrograms(output), context),
      make: async path => {
        const request = { work, identity: identityOf(work, tree), output: path };
        const { sha256, ...facts } = await makeInside(request, tree, image, context);
        return { facts, ...(sha256 !== undefined && { sha256 }) };
      },
    },
    target,
    context,
  );
}

function workOf(output: TreeOutput): OutputRequest['work'] {
  switch (output.kind) {
    case 'disk':
      return { kind: 'disk', spec: output.disk, ...(output.setup && { setup: output.setup }) };
    case 'file-system':
      return { kind: 'file-system', fileSystem: output.fileSystem, verity: output.verity === true };
    case 'archive':
      return { kind: 'archive', format: output.format };
  }
}

/** Wherever it was said. */
function described(work: OutputRequest['work']): string {
  return canonical(withoutPlaces(work));
}

/** What ids are derived from. */
function identityOf(work: OutputRequest['work'], { id }: OutputTree): string {
  return `${id} ${described(work)}`;
}

/** What a disk depends on. */
export function diskParts(
  output: DiskOutput,
  tree: OutputTree,
  programs: NeededPrograms,
  context: BuildContext,
): Promise<readonly KeyPart[]> {
  return partsOf(workOf(output), tree, programs, context);
}

async function partsOf(
  work: OutputRequest['work'],
  { id, time }: OutputTree,
  programs: NeededPrograms,
  context: BuildContext,
): Promise<readonly KeyPart[]> {
  return [
    ['tree', id],
    ['what', described(work)],
    ['time', String(time)],
    ...(await programParts(programs, work.kind, context)),
  ];
}

async function makeInside(
  request: Pick<OutputRequest, 'work' | 'identity' | 'output'>,
  tree: OutputTree,
  image: string,
  context: BuildContext,
): Promise<MadeOfTree> {
  const { workshop, signal, options, emit } = context;
  const { runtime } = options;
  const layers = await treeLayers(tree.layers, context);
  const details = await treeDetails(tree.layers, context);
  return workshop.call(
    'output',
    { ...request, ...details, layers, epoch: tree.time, ...(runtime === undefined ? {} : { runtime }) },
    {
      signal,
      onOutput: bytes => emit({ kind: 'output', image, bytes }),
      onWarning: text => say(context, image, 'warning', text),
      onNote: text => say(context, image, 'info', text),
    },
  );
}

/** A disk in another format, out of the raw one. */
export async function makeDiskFormat(
  output: DiskOutput,
  { format, options }: DiskOutput['formats'][number],
  { raw, target }: { readonly raw: string; readonly target: string },
  tree: OutputTree,
  context: BuildContext,
): Promise<Delivered<null>> {
  const { signal, store } = context;
  const work = workOf(output);
  const identity = `${identityOf(work, tree)} ${format}`;
  const programs = { ...treePrograms(output), ...formatPrograms(format) };
  const make = async (path: string) => {
    const scratch = store.temporaryPath('format');
    mkdirSync(scratch);
    await makeFormat({
      format: { format, options },
      source: raw,
      output: path,
      scratch,
      identity,
      epoch: tree.time,
      signal,
    });
    return { facts: null };
  };
  const parts = await partsOf(work, tree, programs, context);
  const words: readonly KeyPart[] = [['format', canonical([format, options])]];
  return deliver({ domain: 'output format', parts: [...parts, ...words], make }, target, context);
}
