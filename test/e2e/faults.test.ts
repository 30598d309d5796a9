import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { wrongBlobs } from './images.ts';
import { innerProcessOf, killIfThere, processesOf, startBuild, until } from './processes.ts';
import { useBusybox } from './roots.ts';
import { output, outputAsRoot, type Project, useWorkspace } from './support.ts';
import { type Description, describeTree } from './trees.ts';

/** What is killed is the same for a plain user, but for the user ids. */
const ROUNDS = 16;
const SEED = 20_240_229;
const env = { SOURCE_DATE_EPOCH: '1700000000' };

/** Mulberry32: the same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.skipIf(!has('busybox', 'umoci', 'zstd', 'getfattr'))('killing builds at random points', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });
  const file = {
    base: { from: busybox, run: 'mkdir /d; for i in 1 2 3 4 5; do head -c 100000 /bin/busybox >/d/$i; done' },
    hidden: {
      from: built('base'),
      run: 'rm /d/1; echo x >/d/x; touch -d @1 /d/x; tar -C /d -cf /d.tar x',
      build_only: true,
    },
    tar: { from: { type: 'tar', url: 'stacker://hidden/d.tar' } },
    copied: {
      from: busybox,
      imports: [
        { path: 'tree', dest: '/tree' },
        { path: 'stacker://hidden/d', dest: '/d' },
      ],
    },
    top: {
      from: built('hidden'),
      imports: ['tree'],
      run: 'rm -r /d; mkdir /d; cp -r /stacker/imports/tree /d/',
    },
  };

  function project(): Project {
    const made = workspace.project('own');
    for (let i = 0; i < 20; i++) made.write(`tree/${i}`, 'content '.repeat(i * 500));
    made.writeStackerFile(file);
    return made;
  }

  const imagesOf = (at: Project) => Object.fromEntries(at.tags().map(tag => [tag, at.image(tag).digest]));

  it(`${ROUNDS} times leaves a good store, and the next build has the right result`, {
    timeout: 240_000,
  }, async () => {
    const next = random(SEED);
    const reference = project();
    const begun = performance.now();
    const { status, stderr } = await startBuild(reference, [], env).ended;
    const duration = performance.now() - begun;
    expect(status, stderr).toBe(0);
    const expected = imagesOf(reference);
    expect(Object.keys(expected)).toEqual(['base', 'tar', 'copied', 'top']);
    await checkSnapshots(reference.store);

    for (let round = 0; round < ROUNDS; round++) {
      const victim = project();
      const build = startBuild(victim, [], env);
      const inner = round % 3 === 2;
      if (inner)
        await until(() => build.child.exitCode !== null || innerProcessOf(victim.store) !== undefined);
      await sleep(next() * duration * (inner ? 0.8 : 1.1));
      const target = inner ? innerProcessOf(victim.store) : build.pid;
      if (target !== undefined && build.child.exitCode === null) killIfThere(target);
      const ended = await build.ended;
      const round_ = `round ${round}, ended with ${ended.status}: ${ended.stderr}`;
      await until(() => processesOf(victim.store).length === 0);
      if (ended.status === 0) expect(imagesOf(victim), round_).toEqual(expected);
      expect(ended.stderr, round_).not.toMatch(/bug in ashlar/);
      const published = victim.hasLayout() ? imagesOf(victim) : {};
      expect(expected, round_).toMatchObject(published);
      await checkStore(victim.store, round_);

      const again = await startBuild(victim, [], env).ended;
      expect(again.status, `${round_}\nthen: ${again.stderr}`).toBe(0);
      expect(imagesOf(victim), round_).toEqual(expected);
      expect(readdirSync(join(victim.store, 'tmp')), round_).toEqual([]);
      expect(wrongBlobs(join(victim.oci, 'blobs')), round_).toEqual([]);
      expect(readdirSync(victim.oci).toSorted(), round_).toEqual(['blobs', 'index.json', 'oci-layout']);
      await outputAsRoot('rm', ['-rf', victim.path]);
    }
  });

  /** Every blob is what its name says and every snapshot is the tree of its layer. */
  async function checkStore(store: string, when: string): Promise<void> {
    if (!readdirSync(join(store, '..')).includes('store') || !readdirSync(store).includes('blobs')) return;
    expect(wrongBlobs(join(store, 'blobs')), when).toEqual([]);
    await checkSnapshots(store);
  }

  const layerTrees = new Map<string, Promise<Description>>();

  async function checkSnapshots(store: string): Promise<void> {
    const snapshots = readdirSync(join(store, 'snapshots'));
    const layers = snapshots.length === 0 ? new Map<string, string>() : layersIn(store);
    for (const name of snapshots) {
      const blob = layers.get(name.replace('sha256-', ''));
      // The tree of a layer is worked out once: equal diff IDs mean equal layers.
      let tree = layerTrees.get(name);
      if (!tree) {
        if (!blob) throw new Error(`${name} is in the store without its layer`);
        tree = treeOfLayer(blob);
        layerTrees.set(name, tree);
      }
      expect(asLayer(await describeTree(join(store, 'snapshots', name, 'tree'))), name).toEqual(await tree);
    }
  }

  /** The blobs that are layers, by the hexadecimal SHA-256 of their content. */
  function layersIn(store: string): Map<string, string> {
    const directory = join(store, 'blobs/sha256');
    const entries = readdirSync(directory).flatMap(name => {
      const bytes = readFileSync(join(directory, name));
      const kind = bytes.readUInt16BE(0);
      if (kind !== 0x1f8b && kind !== 0x28b5) return [];
      const tar = kind === 0x1f8b ? gunzipSync(bytes) : zstdDecompressSync(bytes);
      return [[createHash('sha256').update(tar).digest('hex'), join(directory, name)] as const];
    });
    return new Map(entries);
  }

  /** What GNU tar makes of a layer. */
  async function treeOfLayer(blob: string): Promise<Description> {
    const directory = join(workspace.path, `layer-${layerTrees.size}`);
    mkdirSync(directory);
    await outputAsRoot('tar', ['-C', directory, '--xattrs', '--same-owner', '-pxf', blob]);
    return asLayer(await describeTree(directory));
  }

  /** Names, types, modes, owners, content, links; whiteouts in one form; no times of directories. */
  function asLayer(tree: Description): Description {
    const opaque = Object.keys(tree).filter(path => path.endsWith('/.wh..wh..opq'));
    const entries = Object.entries(tree).filter(([path]) => !opaque.includes(path));
    return Object.fromEntries(
      entries
        .map(([path, entry]): [string, Description[string]] => {
          const marked =
            entry.xattrs['user.overlay.opaque'] !== undefined || opaque.includes(`${path}/.wh..wh..opq`);
          const whiteout = /\/\.wh\.([^/]+)$/.test(path) || entry.type === 'c';
          const name = path.replace(/\/\.wh\.([^/]+)$/, '/$1');
          if (whiteout) return [name, { ...NOTHING, type: 'whiteout' }];
          return [
            name,
            {
              ...entry,
              xattrs: marked ? { opaque: 'yes' } : {},
              mtime: entry.type === 'd' ? 0 : entry.mtime,
            },
          ];
        })
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  const NOTHING = {
    mode: '',
    owner: '',
    mtime: 0,
    target: '',
    sha256: undefined,
    xattrs: {},
    linkedWith: [],
  };

  it('has tools that judge it right', async () => {
    const directory = join(workspace.path, 'judge');
    mkdirSync(directory);
    await output('touch', [join(directory, '.wh.gone')]);
    expect(Object.keys(asLayer(await describeTree(directory)))).toEqual(['.', './gone']);
  });
});
