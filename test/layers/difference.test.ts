import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LayerContents } from '../../src/layers/contents.ts';
import { decodeContents } from '../../src/layers/contents-bytes.ts';
import { differenceOf } from '../../src/layers/difference.ts';
import type { StatCache } from '../../src/layers/file-records.ts';
import { packLayer } from '../../src/layers/jobs.ts';
import { mergeContents } from '../../src/layers/merge-contents.ts';
import type { PackedLayer } from '../../src/layers/pack.ts';
import { recordsOfPacked, surveyTree } from '../../src/layers/survey.ts';
import { isRoot } from '../support/tools.ts';

let directory = '';
let tree = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-difference-'));
  tree = join(directory, 'tree');
  mkdirSync(tree);
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (path: string) => join(tree, path);

function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

/** Remembers files for ever, and counts those that somebody has asked for in vain. */
class Memory implements StatCache {
  readonly #known = new Map<string, string>();
  asked = 0;
  #key = (stamp: object) => Object.values(stamp).join(' ');
  get: StatCache['get'] = stamps =>
    stamps.map(stamp => {
      const known = this.#known.get(this.#key(stamp));
      if (known === undefined) this.asked += 1;
      return known;
    });
  set: StatCache['set'] = files => {
    for (const [stamp, what] of files) this.#known.set(this.#key(stamp), what);
  };
}

const nothing: StatCache = { get: stamps => stamps.map(() => undefined), set: () => {} };

interface Layered {
  readonly contents: readonly LayerContents[];
  /** What the last layer says, path by path. */
  readonly added: readonly string[];
  readonly packed: PackedLayer | undefined;
}

/** Adds a layer for what the tree is now. */
async function addLayer(
  below: readonly LayerContents[],
  cache = nothing,
  withoutContentOf: readonly string[] = [],
): Promise<Layered> {
  const merged = mergeContents(below);
  const isHashNeeded = (path: string, size: number) => merged.get(path)?.entry.size === size;
  const survey = await surveyTree(tree, { withoutContentOf, cache, isHashNeeded });
  const entries = differenceOf(survey.entries, merged, survey.isLeftOut);
  const added = entries.map(({ kind, path }) => (kind === 'entry' ? path : `${kind} ${path}`)).sort();
  if (entries.length === 0) return { contents: below, added, packed: undefined };
  const output = join(directory, 'layer');
  const packed = await packLayer(
    { kind: 'entries', entries, directory: tree },
    { compression: 'none', output },
  );
  if (!packed?.contents) throw new Error('no layer');
  const contents = decodeContents(packed.contents);
  cache.set(recordsOfPacked(survey, contents));
  return { contents: [...below, contents], added, packed };
}

/** What is in the tree as its layers show it: all but times. */
function shown(contents: readonly LayerContents[]) {
  return [...mergeContents(contents)].map(([path, { entry }]) => {
    const { mtime: _, linkedTo: _linked, ...rest } = entry;
    return [path, rest];
  });
}

describe('the difference of a tree and layers', () => {
  it('is the whole tree without layers, and nothing when nothing has changed but times', async () => {
    write('etc/a', 'a');
    write('dev/null', '');
    const first = await addLayer([], nothing, ['/dev']);
    expect(first.added).toEqual(['', 'dev', 'etc', 'etc/a']);
    utimesSync(at('etc/a'), 1, 1);
    utimesSync(at('etc'), 1, 1);
    write('dev/zero', '');
    expect((await addLayer(first.contents, nothing, ['/dev'])).added).toEqual([]);
  });

  it.each<[string, () => void, readonly string[]]>([
    ['other content of the same size and time', () => replace('d/file', 'other'), ['', 'd', 'd/file']],
    ['a mode', () => chmodSync(at('d/file'), 0o600), ['', 'd', 'd/file']],
    ['the mode of a directory', () => chmodSync(at('d'), 0o700), ['', 'd']],
    ['an attribute', () => setAttribute('d/file'), ['', 'd', 'd/file']],
    ['a removed file', () => rmSync(at('d/file')), ['', 'd', 'removed d/file']],
    ['a removed directory', () => rmSync(at('d'), { recursive: true }), ['', 'removed d']],
    ['a link to elsewhere', () => replaceByLink('link', 'd/sub'), ['', 'link']],
    ['a directory that became a file', () => swap('d', () => writeFileSync(at('d'), '')), ['', 'd']],
    ['a directory that became a link', () => swap('d', () => symlinkSync('e', at('d'))), ['', 'd']],
    [
      'a file that became a directory',
      () => swap('d/file', () => write('d/file/x', '')),
      ['', 'd', 'd/file', 'd/file/x'],
    ],
    ['one name less of a file', () => rmSync(at('h1')), ['', 'h2', 'h3', 'removed h1']],
    [
      'names that became files of their own',
      () => swap('h2', () => write('h2', 'hard')),
      ['', 'h1', 'h2', 'h3'],
    ],
    [
      'other content of a file with several names',
      () => writeFileSync(at('h2'), 'soft'),
      ['', 'h1', 'h2', 'h3'],
    ],
    ['one name more', () => linkSync(at('h1'), at('h4')), ['', 'h1', 'h2', 'h3', 'h4']],
  ])('has of %s just that', async (_, change, added) => {
    write('d/file', 'first');
    write('d/sub/deep', '');
    write('h1', 'hard');
    linkSync(at('h1'), at('h2'));
    linkSync(at('h1'), at('h3'));
    symlinkSync('d', at('link'));
    const first = await addLayer([]);
    change();
    const second = await addLayer(first.contents);
    expect(second.added).toEqual(added);
    expect(shown(second.contents)).toEqual(shown((await addLayer([])).contents));
    expect((await addLayer(second.contents)).added).toEqual([]);
  });

  it('reads nothing that is known', async () => {
    write('a', 'one');
    write('b', 'two');
    const memory = new Memory();
    utimesSync(at('a'), 1, 1);
    const first = await addLayer([], memory);
    // What has just been written may change again unnoticed: it is not relied on.
    await new Promise(resolve => setTimeout(resolve, 2100));
    await addLayer(first.contents, memory);
    memory.asked = 0;
    chmodSync(at('a'), 0o600);
    expect((await addLayer(first.contents, memory)).added).toEqual(['', 'a']);
    expect(memory.asked).toBe(1);
  });

  it.runIf(isRoot)('says nothing of what another file system hides', async () => {
    write('home/ann/file', 'one');
    write('home/file', 'one');
    const first = await addLayer([]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', at('home')]);
    try {
      write('home/other', 'two');
      expect((await addLayer(first.contents)).added).toEqual([]);
    } finally {
      execFileSync('umount', [at('home')]);
    }
  });

  it('is an error where a file changes while it is packed', async () => {
    write('a', 'one');
    const survey = await surveyTree(tree, {
      withoutContentOf: [],
      cache: nothing,
      isHashNeeded: () => false,
    });
    const entries = differenceOf(survey.entries, new Map(), () => false);
    const output = join(directory, 'layer');
    const pack = () =>
      packLayer({ kind: 'entries', entries, directory: tree }, { compression: 'none', output });
    replace('a', 'two');
    await expect(pack()).rejects.toThrow('"a" changed while it was read');
    rmSync(at('a'));
    await expect(pack()).rejects.toThrow('"a" changed while it was read');
    symlinkSync('/etc/passwd', at('a'));
    await expect(pack()).rejects.toThrow('"a" changed while it was read');
  });

  it('gives the tree whatever has been done to it', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(names => names.join('/'));
    const action = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), path, text: fc.constantFrom('', 'x', 'y') }),
      fc.record({ kind: fc.constant('remove' as const), path }),
      fc.record({ kind: fc.constant('directory' as const), path }),
      fc.record({ kind: fc.constant('symlink' as const), path, to: name }),
      fc.record({ kind: fc.constant('mode' as const), path, mode: fc.constantFrom(0o700, 0o755) }),
      fc.record({ kind: fc.constant('link' as const), path, from: path }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(action, { maxLength: 8 }), { maxLength: 4 }), async rounds => {
        rmSync(tree, { recursive: true });
        mkdirSync(tree);
        let contents: readonly LayerContents[] = [];
        for (const actions of [[], ...rounds]) {
          for (const one of actions) attempt(() => act(one));
          ({ contents } = await addLayer(contents));
        }
        expect(shown(contents)).toEqual(shown((await addLayer([])).contents));
        expect((await addLayer(contents)).added).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});

type Action =
  | { kind: 'write'; path: string; text: string }
  | { kind: 'remove' | 'directory'; path: string }
  | { kind: 'symlink'; path: string; to: string }
  | { kind: 'mode'; path: string; mode: number }
  | { kind: 'link'; path: string; from: string };

function act(action: Action): void {
  const path = at(action.path);
  switch (action.kind) {
    case 'write':
      write(action.path, action.text);
      break;
    case 'remove':
      rmSync(path, { recursive: true });
      break;
    case 'directory':
      mkdirSync(path, { recursive: true });
      break;
    case 'symlink':
      symlinkSync(action.to, path);
      break;
    case 'mode':
      chmodSync(path, action.mode);
      break;
    case 'link':
      linkSync(at(action.from), path);
      break;
  }
}

/** What cannot be done is not done. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {}
}

/** With the size and the times that it had. */
function replace(path: string, text: string): void {
  const { atime, mtime } = statSync(at(path));
  writeFileSync(at(path), text);
  utimesSync(at(path), atime, mtime);
}

function replaceByLink(path: string, target: string): void {
  rmSync(at(path));
  symlinkSync(target, at(path));
}

function swap(path: string, make: () => void): void {
  rmSync(at(path), { recursive: true });
  make();
}

function setAttribute(path: string): void {
  execFileSync('setfattr', ['-n', 'user.test', '-v', 'value', at(path)]);
}
