/** All that is made of the tree of an image besides the image itself. */
import { formatOptions } from '../../disk/index.ts';
import type { DiskOutput, Output } from '../../plan/outputs.ts';
import type { BuildContext } from '../context.ts';
import { located } from '../located.ts';
import type { BuiltImage, MadeOutput } from '../values.ts';
import { makeContainer } from './containers.ts';
import { makeDiskContainer } from './disk-containers.ts';
import { type Installed, installedIn, makePackageList } from './package-lists.ts';
import { checkOutputPrograms } from './programs.ts';
import type { Results } from './results.ts';
import { type OutputTree, outputTree } from './tree.ts';
import { makeDiskFormat, makeTreeOutput } from './tree-outputs.ts';

/**
 * Before any work: whether what descriptions say to programs can be said, and whether the programs are there.
 * @throws AshlarError
 */
export async function checkOutputs(outputs: readonly Output[]): Promise<void> {
  for (const output of outputs) {
    if (output.kind !== 'disk') continue;
    await located(output.at, async () => {
      for (const format of output.formats) formatOptions(format);
    });
  }
  checkOutputPrograms(outputs);
}

/** In the order of the plan: one after the other, for each uses all processors, but lists, which are all made beside. */
export async function makeOutputs(
  image: BuiltImage,
  outputs: readonly Output[],
  results: Results,
  context: BuildContext,
): Promise<readonly MadeOutput[]> {
  const tree = await outputTree(image.layers, context);
  const installed = installedIn(tree, image.name, context);
  const making: Making = { image, tree, installed, results, context };
  const made = new Map<Output, readonly MadeOutput[]>();
  const inTurn = async (some: readonly Output[]) => {
    for (const output of some) made.set(output, await located(output.at, () => makeAll(output, making)));
  };
  const isList = ({ kind }: Output) => kind === 'package-list';
  const ends = await Promise.allSettled([
    inTurn(outputs.filter(output => !isList(output))),
    ...outputs.filter(isList).map(list => inTurn([list])),
  ]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return outputs.flatMap(output => made.get(output) ?? []);
}

async function makeAll(output: Output, making: Making): Promise<readonly MadeOutput[]> {
  const one = await announced(output, making, path => makeOne(output, path, making));
  if (output.kind !== 'disk') return [one];
  return [one, ...(await makeFormats(output, making)), ...(await makeContainers(output, making))];
}

interface Making {
  readonly image: BuiltImage;
  readonly tree: OutputTree;
  readonly installed: () => Promise<Installed>;
  readonly results: Results;
  readonly context: BuildContext;
}

/** What is known of a file once it is made. */
type Made = Pick<MadeOutput, 'bytes' | 'sha256' | 'cached' | 'disk' | 'rootHash'>;

async function announced(
  { kind, file, role }: Pick<Output, 'kind' | 'file' | 'role'>,
  { image, tree, results, context }: Making,
  make: (path: string) => Promise<Made>,
): Promise<MadeOutput> {
  const { signal, emit } = context;
  signal.throwIfAborted();
  emit({ kind: 'output-started', image: image.name, file, what: kind });
  const { bytes, sha256, cached, disk, rootHash } = await make(results.pathFor(file));
  const output: MadeOutput = {
    kind,
    role,
    file,
    path: results.finalPath(file),
    bytes,
    tree: tree.id,
    cached,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(disk === undefined ? {} : { disk }),
    ...(rootHash === undefined ? {} : { rootHash }),
  };
  emit({ kind: 'output-finished', image: image.name, output });
  return output;
}

async function makeOne(output: Output, path: string, making: Making): Promise<Made> {
  const { image, tree, installed, context } = making;
  switch (output.kind) {
    case 'container':
      return makeContainer(output, image, path, context);
    case 'package-list':
      return makePackageList(output, tree, installed, path, context);
    case 'archive':
    case 'disk':
    case 'file-system': {
      const { facts, ...made } = await makeTreeOutput(output, tree, path, image.name, context);
      return { ...made, ...facts };
    }
  }
}

async function makeFormats(output: DiskOutput, making: Making): Promise<readonly MadeOutput[]> {
  const { tree, results, context } = making;
  const raw = results.madePath(output.file);
  const made: MadeOutput[] = [];
  for (const format of output.formats) {
    const named = { kind: output.kind, file: format.file, role: format.role };
    made.push(
      await announced(named, making, target =>
        makeDiskFormat(output, format, { raw, target }, tree, context),
      ),
    );
  }
  return made;
}

async function makeContainers(output: DiskOutput, making: Making): Promise<readonly MadeOutput[]> {
  const { image, tree, results, context } = making;
  const made: MadeOutput[] = [];
  for (const container of output.containers ?? []) {
    const { os, architecture, variant } = image.config;
    const platform = { os, architecture, ...(variant !== undefined && { variant }) };
    const disk = { path: results.madePath(container.disk), tree, platform };
    const { file, role } = container;
    made.push(
      await announced({ kind: 'container', file, role }, making, target =>
        makeDiskContainer(output, container, disk, target, context),
      ),
    );
  }
  return made;
}
