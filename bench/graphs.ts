/** Descriptions of many layers: what is known already, and what is done side by side. Ashlar alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ashlarBuild } from './builds.ts';
import type { Fixtures } from './fixtures.ts';
import { once, type Stage } from './stage.ts';
import type { Workload } from './workload.ts';

type Layers = Record<string, object>;

export function graphs(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  const base = async () => (await fixtures.debianImage()).reference;
  const tree = once(async () => treeOf20000Files(stage));
  return [
    {
      name: 'cached-20',
      title: 'nothing changed, 20 layers',
      prepare: async () => {
        const layers = chainsAndSingles(await base());
        return {
          contenders: [ashlarBuild(stage, 'cached-20', 'warm', () => ({ layers, hello: 'hello' }))],
          targets: [{ kind: 'seconds', atMost: 0.3 }],
        };
      },
    },
    {
      name: 'cached-mixed',
      title: 'nothing changed, 20 layers with imports, overlay_dirs and stacker:// imports',
      prepare: async () => {
        const layers = mixedLayers(await base(), smallTree(stage));
        return {
          contenders: [ashlarBuild(stage, 'cached-mixed', 'warm', () => ({ layers, hello: 'hello' }))],
          targets: [{ kind: 'seconds', atMost: 0.3 }],
        };
      },
    },
    {
      name: 'import-tree',
      title: 'nothing changed, a tree of 20 000 files imported',
      prepare: async () => {
        const layers = {
          app: { from: { type: 'oci', url: await base() }, imports: [await tree()], run: 'true' },
        };
        return {
          contenders: [ashlarBuild(stage, 'import-tree', 'warm', () => ({ layers, hello: '' }))],
          targets: [{ kind: 'seconds', atMost: 0.3 }],
        };
      },
    },
    {
      name: 'parallel',
      title: 'ten layers that sleep 0.5 s, --jobs 10',
      prepare: async () => {
        const reference = await base();
        const input = (run: number) => ({
          layers: tenOf(reference, `sleep 0.5; echo ${run} > /f`),
          hello: '',
        });
        return {
          contenders: [ashlarBuild(stage, 'parallel', 'warm', input, '--jobs', '10')],
          targets: [{ kind: 'seconds', atMost: 1 }],
        };
      },
    },
    {
      name: 'parallel-busy',
      title: 'ten layers that compute for a second, two at a time',
      prepare: async () => {
        const reference = await base();
        const input = (run: number) => ({
          layers: tenOf(reference, `${COUNT}; echo ${run} > /f`),
          hello: '',
        });
        return {
          contenders: [
            ashlarBuild(stage, 'parallel-busy', 'warm', input, '--jobs', '2'),
            { ...ashlarBuild(stage, 'serial-busy', 'warm', input, '--jobs', '1'), name: 'ashlar --jobs 1' },
          ],
          targets: [{ kind: 'ratio', to: 'ashlar --jobs 1', atMost: 1 / 1.8 }],
        };
      },
    },
  ];
}

/** Something for a processor to do, in a shell that every base has. */
const COUNT = 'set +x; i=0; while [ $i -lt 1600000 ]; do i=$((i+1)); done';

/** Half of them on top of each other, half of them beside each other. */
function chainsAndSingles(base: string): Layers {
  const image = { type: 'oci', url: base };
  const chain = numbered(10, i => [
    `chain-${i}`,
    {
      from: i === 0 ? image : { type: 'built', tag: `chain-${i - 1}` },
      imports: [{ path: 'hello', dest: `/opt/chain-${i}` }],
    },
  ]);
  const independent = numbered(10, i => [
    `single-${i}`,
    { from: image, imports: ['hello'], run: `cp /stacker/imports/hello /opt/single-${i}` },
  ]);
  return { ...chain, ...independent };
}

/** Ten layers that take a tree and a file, and ten that take a file out of those. */
function mixedLayers(base: string, tree: string): Layers {
  const from = { type: 'oci', url: base };
  const makers = numbered(10, i => [
    `maker-${i}`,
    {
      from,
      imports: ['hello'],
      overlay_dirs: [{ source: tree, dest: `/opt/tree-${i}` }],
      run: `cp /stacker/imports/hello /opt/made-${i}`,
    },
  ]);
  const takers = numbered(10, i => [
    `taker-${i}`,
    {
      from,
      imports: [
        `stacker://maker-${i}/opt/made-${i}`,
        { path: `stacker://maker-${i}/opt/tree-${i}`, dest: '/opt/taken' },
      ],
      run: `cp /stacker/imports/made-${i} /opt/taken-${i}`,
    },
  ]);
  return { ...makers, ...takers };
}

function tenOf(base: string, run: string): Layers {
  return numbered(10, i => [`layer-${i}`, { from: { type: 'oci', url: base }, run: `${run}-${i}` }]);
}

function numbered(count: number, entry: (i: number) => readonly [string, object]): Layers {
  return Object.fromEntries([...Array(count).keys()].map(entry));
}

function smallTree(stage: Stage): string {
  return filledTree(stage, 'small-tree', 10, 20);
}

function treeOf20000Files(stage: Stage): string {
  return filledTree(stage, 'tree', 100, 200);
}

function filledTree(stage: Stage, name: string, directories: number, files: number): string {
  const tree = stage.made(name);
  for (let d = 0; d < directories; d++) {
    const directory = join(tree, `d${d}`);
    mkdirSync(directory);
    for (let f = 0; f < files; f++) writeFileSync(join(directory, `f${f}`), `file ${f} of ${d}\n`);
  }
  return tree;
}
