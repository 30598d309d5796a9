/** Copies of several items, and layers of steps that are put together; umoci tells what is in the images. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BuildOptions } from '../../src/engine/context.ts';
import type { CopyItem, CopyStep, ImagePlan, Squash, Step } from '../../src/plan/types.ts';
import { has } from '../support/tools.ts';
import { prepareForBuildah, withoutTimes } from './buildah.ts';
import { blobPath, readImage } from './images.ts';
import { type Built, buildImages, configStep, execStep, explained, imagePlan } from './plans.ts';
import { changedBusybox, umoci } from './roots.ts';
import { output, outputAsRoot, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const workspace = useWorkspace();
const base = join(workspace.path, 'base');
const files = join(workspace.path, 'files');
const at = { file: 'plan', line: 1, column: 1 };

beforeAll(() => {
  const reference = `${base}:latest`;
  const change = (root: string) => {
    prepareForBuildah(root);
    for (const name of ['data', 'tmp/scripts/old']) mkdirSync(join(root, name), { recursive: true });
    for (const name of ['etc/gone', 'data/one', 'data/two', 'tmp/scripts/old/x'])
      writeFileSync(join(root, name), name);
    symlinkSync('data', join(root, 'by-link'));
  };
  changedBusybox(workspace, reference, change, '--mode=a+rwX');
  umoci('config', '--image', reference, '--config.env', 'PATH=/bin', '--config.workingdir', '/work');
  mkdirSync(join(files, 'd/sub'), { recursive: true });
  for (const name of ['one', 'two', 'd/three', 'd/sub/four']) writeFileSync(join(files, name), name);
  chmodSync(join(files, 'd/sub'), 0o700);
  chmodSync(join(files, 'two'), 0o750);
  linkSync(join(files, 'd/three'), join(files, 'd/sub/three'));
  symlinkSync('sub/four', join(files, 'd/link'));
  symlinkSync('two', join(files, 'to-two'));
});

function item(
  source: CopyItem['source'],
  target: CopyItem['target'],
  rest: Partial<CopyItem> = {},
): CopyItem {
  return { source, target, keep: 'attributes', uid: 0, gid: 0, at, ...rest };
}

function fromHost(name: string, target: CopyItem['target'], rest: Partial<CopyItem> = {}): CopyItem {
  return item({ kind: 'file', path: join(files, name), at }, target, rest);
}

function fromImage(image: string, path: string, target: CopyItem['target']): CopyItem {
  return item({ kind: 'image', image, path, follow: true, at }, target);
}

function copyStep(...items: readonly CopyItem[]): CopyStep {
  return { kind: 'copy', items, createdBy: 'copy', at };
}

function run(script: string): Step {
  return execStep(['/bin/sh', '-ec', script]);
}

const oneGroup = (steps: readonly Step[], ...without: readonly string[]): Squash => ({
  groups: [{ steps: steps.length, createdBy: 'all' }],
  without,
});

function build(
  name: string,
  images: readonly ImagePlan[],
  options: Partial<BuildOptions> = {},
): Promise<Built> {
  return buildImages(join(workspace.path, name), images, { store: workspace.store, ...options });
}

const layersOf = (name: string, tag: string) => readImage(join(workspace.path, name, 'oci'), tag).layers;

let unpacked = 0;

/** The tree without what time has to do with it. */
async function treeOf(name: string, tag: string): Promise<Record<string, object>> {
  unpacked += 1;
  const bundle = join(workspace.path, `unpacked-${unpacked}`);
  await outputAsRoot('umoci', ['unpack', '--image', `${join(workspace.path, name, 'oci')}:${tag}`, bundle]);
  return withoutTimes(await describeTree(join(bundle, 'rootfs')));
}

function without(tree: Record<string, object>, ...paths: readonly string[]): Record<string, object> {
  const isGone = (path: string) => paths.some(gone => path === gone || path.startsWith(`${gone}/`));
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !isGone(path)));
}

describe('a copy of several items', () => {
  it('makes one layer, whatever they come out of', async () => {
    const builder = imagePlan('builder', `${base}:latest`, {
      emit: false,
      steps: [
        run(
          'mkdir -p /out/deep; echo made > /out/deep/made; ln -s deep/made /out/link; ln -s /out/deep /out/abs',
        ),
      ],
    });
    const image = imagePlan('image', `${base}:latest`, {
      steps: [
        configStep({ environment: [['SUB', 'sub']] }),
        copyStep(
          fromHost('one', '/new/dir/one'),
          fromHost('one', '/new/dir/two'),
          fromHost('two', '/new/dir/two', { uid: 5, gid: 6 }),
          fromHost('d', '/by-link/'),
          fromHost('to-two', '/new/link'),
          item({ kind: 'file', path: join(files, 'to-two'), follow: true, at }, '/new/followed', {
            mode: 0o4711,
          }),
          fromHost('one', ['relative/', { variable: 'SUB' }, '/one']),
          fromImage('builder', '/out/link', '/from/made'),
          fromImage('builder', '/out/abs', '/from/abs/'),
          fromImage('builder', '/out/deep', '/new/dir'),
        ),
      ],
    });
    await build('several', [builder, image]);
    expect(layersOf('several', 'image')).toHaveLength(2);
    const tree = await treeOf('several', 'image');
    expect(tree).toMatchObject({
      './by-link': { type: 'l', target: 'data' },
      './data/three': { linkedWith: ['./data/sub/three', './data/three'] },
      './data/sub': { mode: '700' },
      './data/link': { type: 'l', target: 'sub/four' },
      './new': { mode: '755', owner: '0:0' },
      './new/dir/two': { mode: '750', owner: '5:6' },
      './new/link': { type: 'l', target: 'two' },
      './new/followed': { type: 'f', mode: '4711' },
      './work/relative/sub/one': { mode: '644' },
      './from/made': { type: 'f' },
      './from/abs/made': { type: 'f' },
      './new/dir/made': { type: 'f' },
    });
  });

  it('says what cannot be copied out of an image', async () => {
    const builder = imagePlan('builder', `${base}:latest`, { emit: false, steps: [run('mkfifo /fifo')] });
    for (const [path, message] of [
      ['/fifo', '/fifo is neither a file nor a directory'],
      ['/nowhere', 'there is no /nowhere in the image builder'],
    ] as const) {
      const image = imagePlan('image', undefined, { steps: [copyStep(fromImage('builder', path, '/x'))] });
      await expect(build('no-file', [builder, image])).rejects.toThrow(new RegExp(`^${message}$`));
    }
  });

  it('says of a link that leads out of a confined directory which it is', async () => {
    const directory = join(workspace.path, 'unconfined');
    mkdirSync(directory);
    symlinkSync('../files/one', join(directory, 'out'));
    const source = { kind: 'file', path: directory, directory: true, confined: true, at } as const;
    const image = imagePlan('image', undefined, { steps: [copyStep(item(source, '/d'))] });
    await expect(build('confined', [image])).rejects.toThrow(
      'the symbolic link "out" leads out of the directory: "../files/one"',
    );
  });
});

const steps: readonly Step[] = [
  copyStep(
    fromHost('d', '/tmp/scripts/m'),
    fromHost('one', '/tmp/artifacts/one'),
    fromHost('one', '/opt/one'),
  ),
  configStep({ labels: { a: 'b' } }),
  run(`ln /opt/one /opt/other; cp /tmp/scripts/m/three /opt/three; rm -r /data; mkdir /data; echo 3 > /data/three
       rm /etc/gone; touch /tmp; mkfifo /opt/fifo; ln -s three /opt/link; chmod 700 /var`),
  run('rm /opt/one; echo later > /opt/three; echo more > /opt/more; rm -r /tmp/artifacts'),
];
// Two images of the same steps may both run them.
const then = { sourceDateEpoch: 1_000_000_000 };
const CLEARED = ['/tmp/scripts', '/tmp/artifacts'] as const;

describe('layers of steps that are put together', () => {
  const plain = imagePlan('plain', `${base}:latest`, { steps });
  const squashed = imagePlan('squashed', `${base}:latest`, { steps, squash: oneGroup(steps, ...CLEARED) });
  const grouped = imagePlan('grouped', `${base}:latest`, {
    steps,
    squash: {
      groups: [
        { steps: 2, createdBy: 'copies' },
        { steps: 2, createdBy: 'runs' },
      ],
      without: CLEARED,
    },
  });
  const child = imagePlan('child', undefined, {
    base: { kind: 'built', image: 'squashed', at },
    steps: [copyStep(fromImage('squashed', '/tmp/scripts/m/three', '/three'))],
  });

  it('give the same tree, but for what the image is to be without', async () => {
    const { events } = await build('squash', [plain, squashed, grouped, child], then);
    const tree = await treeOf('squash', 'plain');
    expect(tree).toHaveProperty(['./tmp/scripts/m/three']);
    const cleared = without(tree, './tmp/scripts', './tmp/artifacts');
    expect(await treeOf('squash', 'squashed')).toEqual(cleared);
    expect(await treeOf('squash', 'grouped')).toEqual(cleared);
    const [plainLayers, squashedLayers, groupedLayers, childLayers] = [
      'plain',
      'squashed',
      'grouped',
      'child',
    ].map(tag => layersOf('squash', tag));
    expect([squashedLayers?.length, groupedLayers?.length]).toEqual([2, 3]);
    // Who uses the image sees what its steps have made.
    expect(childLayers?.slice(0, -1)).toEqual(plainLayers);
    expect(await treeOf('squash', 'child')).toHaveProperty(['./tmp/scripts/m/three']);
    const image = readImage(join(workspace.path, 'squash/oci'), 'squashed');
    expect(image.names(-1).filter(name => /tmp|\.wh\./.test(name))).toEqual([
      'data/.wh..wh..opq',
      'etc/.wh.gone',
      'tmp/',
      'tmp/.wh.scripts',
    ]);
    expect(image.config.history?.map(({ created_by }) => created_by)).toContain('all');
    expect(image.config.rootfs.diff_ids).toHaveLength(2);
    const told = events.flatMap(event =>
      event.kind === 'step-started' && event.image === 'squashed'
        ? [`${event.step}/${event.of} ${event.what}`]
        : [],
    );
    expect(told).toEqual(['1/5 copy', '2/5 config', '3/5 exec', '4/5 exec', '5/5 squash']);
  });

  it.runIf(has('mksquashfs', 'unsquashfs'))(
    'are known to the next build, and the same when made anew',
    async () => {
      const [first] = (await build('again', [squashed], then)).images;
      const [second] = (await build('again', [squashed], then)).images;
      expect(second).toMatchObject({ cached: true, manifest: first?.manifest });
      const anew = await build('anew', [squashed], {
        ...then,
        store: join(workspace.path, 'other-store'),
        forms: { types: ['tar', 'squashfs'], verity: false },
      });
      expect(anew.images[0]?.layers.map(({ descriptor }) => descriptor.digest)).toEqual(
        first?.layers.map(({ descriptor }) => descriptor.digest),
      );
      const [, layer = ''] = layersOf('anew', 'squashed-squashfs');
      const listed = await output('unsquashfs', ['-lln', blobPath(join(workspace.path, 'anew/oci'), layer)]);
      expect(listed).toMatch(/^c.* squashfs-root\/etc\/gone$/m);
      expect(listed).toMatch(/^-.* squashfs-root\/opt\/three$/m);
      expect(listed).not.toContain('/tmp/scripts/');
    },
  );

  it('are told of where they are put together otherwise', async () => {
    await build('explained', [squashed], then);
    const explain = (image: ImagePlan) =>
      explained(join(workspace.path, 'explained'), image, { store: workspace.store, ...then });
    expect(await explain(squashed)).toEqual([]);
    expect(await explain({ ...squashed, squash: oneGroup(steps, '/tmp/scripts') })).toEqual([
      'squash: without: ["/tmp/scripts","/tmp/artifacts"] -> ["/tmp/scripts"]',
    ]);
  });

  it('are the layer itself where there is only one, and none where nothing is left', async () => {
    const one: readonly Step[] = [copyStep(fromHost('d', '/opt')), configStep({})];
    const none: readonly Step[] = [copyStep(fromHost('d', '/tmp/artifacts')), run('touch /opt')];
    const { images } = await build('alone', [
      imagePlan('as-it-is', undefined, { steps: one }),
      imagePlan('alone', undefined, { steps: one, squash: oneGroup(one, '/tmp/artifacts') }),
      imagePlan('nothing', `${base}:latest`, {
        steps: none.slice(0, 1),
        squash: oneGroup(none.slice(0, 1), '/tmp/artifacts'),
      }),
    ]);
    const [asItIs, alone, nothing] = images.map(({ layers }) => layers.map(({ descriptor }) => descriptor));
    expect(alone).toEqual(asItIs);
    expect(nothing).toHaveLength(1);
  });
});
