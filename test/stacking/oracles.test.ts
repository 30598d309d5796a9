/** umoci and overlayfs unpack what stacking has decided: whether layers on top mean to them what they mean to us. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentsEntry, LayerContents } from '../../src/layers/index.ts';
import { readContents } from '../../src/layers/read-contents.ts';
import { type ConflictPolicy, type Correction, decideStack } from '../../src/stacking/index.ts';
import {
  dir,
  lacks,
  overlay,
  type RawEntry,
  rawTar,
  readTree,
  scratch,
  sha256,
  type TreeEntry,
  umociTree,
  unpackTar,
} from '../layers/support.ts';
import { BYTES, PATHS, things } from './arbitrary.ts';
import { directory, filesOf, newDirectory, part, type Things } from './layers.ts';
import { type Tree, wanted } from './model.ts';

/** So many stacks are laid out beside each other in one tree: programs take long to start. */
const STACKS = 25;

/** Layers of each part: some are shared, and not always in the same order. */
const PARTS = [
  [0, 1, 2],
  [3, 1],
  [0, 4],
];

/** With all directories described: umoci makes those that are missing only where nothing else is. */
function described(drawn: Things): Things {
  const parents = Object.keys(drawn).flatMap(path => PATHS.filter(other => path.startsWith(`${other}/`)));
  const open = Object.entries(drawn).map(([path, thing]) => {
    if (thing.kind === 'implied') return [path, directory()] as const;
    return [path, thing.kind === 'opaque' ? newDirectory() : thing] as const;
  });
  return { ...Object.fromEntries(parents.map(path => [path, directory()])), ...Object.fromEntries(open) };
}

function tarOf(layer: readonly Things[]): Buffer {
  const entries = layer.flatMap((drawn, stack) =>
    Object.entries(described(drawn))
      .toSorted()
      .flatMap(([path, thing]) => entriesFor(`s${stack}${path}`, thing)),
  );
  return rawTar([...layer.map((_, stack) => dir(`s${stack}/`)), ...entries]);
}

function entriesFor(path: string, thing: Things[string]): RawEntry[] {
  if (thing.kind === 'removed') return [whiteout(path)];
  if (thing.kind !== 'entry') throw new Error(`a layer on disk cannot hold what is ${thing.kind}`);
  const entry = rawEntryOf(path, thing.entry, Buffer.from(thing.content));
  return thing.anew ? [entry, { name: `${path}/.wh..wh..opq` }] : [entry];
}

const FLAGS = { file: '0', directory: '5', symlink: '2', character: '3', block: '4', fifo: '6' };

function rawEntryOf(path: string, { type, mode, link }: ContentsEntry, content: Buffer | string): RawEntry {
  return { name: type === 'directory' ? `${path}/` : path, type: FLAGS[type], mode, link, content };
}

function whiteout(path: string): RawEntry {
  const slash = path.lastIndexOf('/');
  return { name: `${path.slice(0, slash + 1)}.wh.${path.slice(slash + 1)}` };
}

/** All files of random layers hold one of two texts. */
const CONTENTS = new Map(['1', '2'].map(text => [sha256(text), text]));

function correctionTar(corrections: readonly Correction[]): Buffer {
  const entries = corrections.map(correction => {
    const path = correction.path.slice(1);
    if (correction.kind === 'removed') return whiteout(path);
    return rawEntryOf(path, correction.entry, CONTENTS.get(correction.entry.sha256) ?? '');
  });
  return rawTar(entries);
}

async function contentsOf(tar: Buffer): Promise<LayerContents> {
  const blob = join(scratch(), 'blob');
  writeFileSync(blob, tar);
  return (await readContents({ blob, compression: 'none' }, {}, () => {})).contents;
}

/** Random stacks with shared layers: the tar files of the result, and what each stack shall give. */
async function stacked(policy: ConflictPolicy) {
  const drawn = fc.sample(fc.array(things, { minLength: 5, maxLength: 5 }), STACKS);
  const tars = [0, 1, 2, 3, 4].map(layer => tarOf(drawn.map(layers => layers[layer] ?? {})));
  const contents = await Promise.all(tars.map(contentsOf));
  const ids = tars.map((tar, index) => `${index} ${sha256(tar)}`);
  const layers = ids.map((id, i) => ({ id, contents: async () => contents[i] ?? Promise.reject() }));
  const parts = PARTS.map((own, i) => part(`p${i}`, ...own.flatMap(index => layers[index] ?? [])));
  const decision = await decideStack(parts, { policy, paths: [] }, [], filesOf());
  expect(decision.corrections.length).toBeGreaterThan(STACKS / 2);
  const pieces = PARTS.map(own =>
    own.flatMap(index => {
      const [id, read] = [ids[index], contents[index]];
      return id && read ? [[id, read] as const] : [];
    }),
  );
  const paths = drawn.flatMap((_, stack) => [`s${stack}`, ...BYTES.map(path => `s${stack}/${path}`)]);
  const verbatim = decision.order.flatMap(id => tars[ids.indexOf(id)] ?? []);
  return {
    tars: [...verbatim, correctionTar(decision.corrections)],
    tree: wanted(pieces, paths, policy),
  };
}

/** What is at each path, in words. */
function said(tree: Readonly<Record<string, TreeEntry>>): Record<string, string> {
  const { '.': _, ...rest } = tree;
  const words = Object.entries(rest).map(([path, { type, mode, content = '', link = '' }]) => [
    path,
    `${type} ${type === 'symlink' ? '' : mode} ${content}${link}`,
  ]);
  return Object.fromEntries(words);
}

function expected(model: Tree): Record<string, string> {
  const words = [...model].map(([path, node]) => {
    if (node === 'any') throw new Error(`${path} is described nowhere`);
    const { type, mode, sha256: content, link } = node;
    return [path, `${type} ${type === 'symlink' ? '' : mode.toString(8)} ${content}${link}`];
  });
  return Object.fromEntries(words);
}

describe.each(['last', 'first'] as const)('random stacks under the rule %s', policy => {
  it.skipIf(lacks('umoci'))('are for umoci what the parts want', async () => {
    const { tars, tree } = await stacked(policy);
    expect(said(readTree(umociTree(tars)))).toEqual(expected(tree));
  });

  it('are for overlayfs what the parts want', async () => {
    const { tars, tree } = await stacked(policy);
    const unpacked = await Promise.all(tars.map(async tar => (await unpackTar(tar)).directory));
    expect(said(readTree(overlay(unpacked).merged))).toEqual(expected(tree));
  });
});
