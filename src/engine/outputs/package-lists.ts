/** What is installed, in the form of KIWI's lists: from the databases in the layers, without a program of the tree. */
import { writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { PackageListOutput } from '../../plan/outputs.ts';
import { describePackages, type PackageDetails } from '../../stacking/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { type BuildContext, say } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import { type ImageTree, inBatches, treeOf } from '../images/tree-view.ts';
import type { LayerRecord } from '../values.ts';
import { type Delivered, deliver } from './kept.ts';
import type { OutputTree } from './tree.ts';
import { verifyPackages } from './verify-packages.ts';

/** What lists are made of. */
export interface Installed {
  readonly tree: ImageTree;
  readonly packages: readonly PackageDetails[];
}

/** Reads once, for all lists, and only when one of them is not known. */
export function installedIn(
  { layers }: OutputTree,
  image: string,
  context: BuildContext,
): () => Promise<Installed> {
  let installed: Promise<Installed> | undefined;
  const read = async () => {
    const tree = await unpackedTree(layers, context);
    const { packages, unread } = await describePackages(tree);
    for (const { path, reason } of unread)
      say(context, image, 'warning', `the packages in ${path} are not listed: ${reason}`);
    return { tree, packages };
  };
  return () => {
    installed ??= read();
    return installed;
  };
}

export function makePackageList(
  { form }: PackageListOutput,
  { id, layers }: OutputTree,
  installed: () => Promise<Installed>,
  target: string,
  context: BuildContext,
): Promise<Delivered<null>> {
  const make = async (path: string) => {
    writeFileSync(path, await textOf(form, await installed(), layers, context));
    return { facts: null };
  };
  const parts = [
    ['tree', id],
    ['form', form],
  ] as const;
  return deliver({ domain: 'output packages', parts, make }, target, context);
}

/** Other results need the tree unpacked, and files of it are read there far quicker than out of its layers. */
async function unpackedTree(layers: readonly LayerRecord[], context: BuildContext): Promise<ImageTree> {
  const { workshop, signal } = context;
  const read = inBatches(async paths =>
    workshop.call('readTree', { layers: await treeLayers(layers, context), paths }, { signal }),
  );
  return treeOf(layers, context, read);
}

async function textOf(
  form: PackageListOutput['form'],
  { tree, packages }: Installed,
  layers: readonly LayerRecord[],
  context: BuildContext,
): Promise<string> {
  switch (form) {
    case 'packages':
      return linesOf(packages.map(lineOf).sort(byBytes));
    case 'changes':
      return (await changesOf(packages, tree)).join('');
    case 'verified':
      return linesOf(await verifyPackages(layers, tree, context));
  }
}

function linesOf(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('');
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** As rpm writes what a package does not say, and as KIWI does for other managers. */
function lineOf(one: PackageDetails): string {
  const nothing = one.manager === 'rpm' ? '(none)' : 'None';
  const { name, epoch, version, release, architecture, distUrl, license } = one;
  return [name, epoch, version, release, architecture, distUrl, license]
    .map(value => value?.replaceAll('\n', ' ') || nothing)
    .join('|');
}

async function changesOf(packages: readonly PackageDetails[], tree: ImageTree): Promise<readonly string[]> {
  const sorted = [...packages].sort((a, b) => byBytes(a.name, b.name));
  return Promise.all(
    sorted.map(async one => {
      const text = one.manager === 'dpkg' ? await debianChanges(one.name, tree) : rpmChanges(one);
      return `${one.name}|\n${text}\n`;
    }),
  );
}

/** As `rpm --changelog` writes it. */
function rpmChanges({ changes = [] }: PackageDetails): string {
  return changes.map(({ time, author, text }) => `* ${dayOf(time)} ${author}\n${text}\n\n`).join('');
}

/** `Fri Nov 21 2025`. */
function dayOf(seconds: number): string {
  const [day = '', date, month, year] = new Date(seconds * 1000).toUTCString().split(' ');
  return `${day.replace(',', '')} ${month} ${date} ${year}`;
}

function decompressed(content: Uint8Array, path: string): string {
  try {
    return gunzipSync(content, { maxOutputLength: LONGEST_CHANGES }).toString();
  } catch (cause) {
    throw new AshlarError(`cannot decompress ${path} of the image`, { cause });
  }
}

const LONGEST_CHANGES = 16 << 20;

/** Nothing where the tree does not have it, as images without documentation do not. */
async function debianChanges(name: string, tree: ImageTree): Promise<string> {
  const directory = `/usr/share/doc/${name}`;
  for (const file of ['changelog.Debian.gz', 'changelog.gz']) {
    const found = await tree.read(`${directory}/${file}`);
    if (found?.entry.type !== 'file') continue;
    return decompressed(found.content, `${directory}/${file}`);
  }
  return '';
}
