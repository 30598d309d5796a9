import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { blobPath, type Descriptor, readImage } from './images.ts';
import { toolbox, umoci, useBusybox } from './roots.ts';
import { output, type Project, useWorkspace } from './support.ts';
import { DESCRIBE, DESCRIBERS, parseDescription } from './trees.ts';

const SEED_ANNOTATION = 'io.stackeroci.stacker.squashfs_verity_root_hash';
const TODAYS_ANNOTATION = 'io.stackeroci.stacker.atomfs_verity_root_hash';
const SQUASHFS = 'application/vnd.stacker.image.layer.squashfs+zstd';
const EROFS = 'application/vnd.stacker.image.layer.erofs+lz4hc';
const ALL_TYPES = ['tar', 'squashfs', 'erofs'].flatMap(type => ['--layer-type', type]);

/** Makes and removes what is hard to keep. */
const CHANGES = `#!/bin/sh -e
export PATH=/bin:/stacker/imports/tools
mkdir -p /data/dir /data/hard; cd /data
echo content >plain; : >empty; chmod 4755 plain; chmod 000 empty; ln -s plain link; ln -s /nowhere dangling
echo hard >hard/one; ln hard/one hard/two; chown 1234:5678 hard/one; mkfifo fifo; mkdir -m 1777 sticky
echo attributes >attributes; setfattr -n user.note -v "some value" attributes
echo program >capable; setcap cap_net_raw+ep capable
touch "names with ü and  spaces " "$(printf 'a\\377b')"; truncate -s 3M sparse; printf end >>sparse
touch -d @1234567890 plain; touch -h -d @1111111111 link; chown 0:0 /data
rm /bin/yes; rm -r /usr/share; mkdir /usr/share; echo new >/usr/share/new
`;

const DESCRIBED = `#!/bin/sh -e
TOOLS=/stacker/imports/tools/; describe() { ${DESCRIBE} }; echo =BEGIN; describe /data; echo =END
test ! -e /bin/yes; test -e /bin/cat; test "$(/bin/ls /usr/share)" = new
`;

function described(stdout: string) {
  return parseDescription(stdout.slice(stdout.lastIndexOf('=BEGIN\n') + 7, stdout.lastIndexOf('=END\n')));
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Where the hash area of a layer begins: behind what the superblock says is the file system. */
function hashOffset(blob: string, { mediaType }: Descriptor): number {
  const bytes = readFileSync(blob);
  const size = mediaType.includes('squashfs')
    ? Number(bytes.readBigUInt64LE(40))
    : bytes.readUInt32LE(1024 + 36) * 2 ** bytes.readUInt8(1024 + 12);
  return Math.ceil(size / 4096) * 4096;
}

async function verify({ oci }: Project, layer: Descriptor): Promise<void> {
  const blob = blobPath(oci, layer.digest);
  const root = layer.annotations?.[TODAYS_ANNOTATION] ?? 'none';
  await output('veritysetup', ['verify', blob, blob, root, `--hash-offset=${hashOffset(blob, layer)}`]);
}

/** An image of one layer, written without any code of ours. */
function writeLayout(
  directory: string,
  blob: Uint8Array,
  layer: Omit<Descriptor, 'digest' | 'size'>,
): string {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const add = (bytes: Uint8Array) => {
    const digest = sha256(bytes);
    writeFileSync(blobPath(directory, digest), bytes);
    return { digest, size: bytes.length };
  };
  const json = (value: object) => add(Buffer.from(JSON.stringify(value)));
  const layers = [{ ...layer, ...add(blob) }];
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = json({ os: 'linux', architecture: 'amd64', rootfs });
  const manifest = json({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers,
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const annotations = { 'org.opencontainers.image.ref.name': 'x' };
  const index = { schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations }] };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return `${directory}:x`;
}

const TOOLS = [...DESCRIBERS, 'setfattr', 'setcap', 'truncate'];
const NEEDED = [
  'busybox',
  'umoci',
  'mksquashfs',
  'unsquashfs',
  'mkfs.erofs',
  'fsck.erofs',
  'veritysetup',
  'setcap',
];

describe.skipIf(!has(...NEEDED))('layer types', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  beforeAll(() => void toolbox(join(workspace.path, 'tools'), ...TOOLS));
  const imports = [join(workspace.path, 'tools')];
  const one = { from: busybox, imports, run: CHANGES };

  /** A project with the image in all forms, built once. */
  let built: Promise<{ readonly project: Project; readonly stdout: string }> | undefined;
  const inAllForms = () => {
    built ??= (async () => {
      const project = workspace.project();
      const { stdout } = await project.build(
        { one: { ...one, run: CHANGES + DESCRIBED.slice(12) } },
        ALL_TYPES,
      );
      return { project, stdout };
    })();
    return built;
  };

  it('give a manifest each, in their order, with the same config but for the layers', async () => {
    const { project } = await inAllForms();
    expect(project.tags()).toEqual(['one', 'one-squashfs', 'one-erofs']);
    const tar = project.image('one');
    for (const [tag, type] of [
      ['one-squashfs', SQUASHFS],
      ['one-erofs', EROFS],
    ] as const) {
      const { manifest, config } = project.image(tag);
      expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([type, type]);
      const { rootfs, ...rest } = config;
      const { rootfs: _, ...tarRest } = tar.config;
      expect(rest).toEqual(tarRest);
      expect(rootfs.diff_ids).toEqual(manifest.layers.map(({ digest }) => digest));
      expect(manifest.annotations).toEqual(tar.manifest.annotations);
    }
  });

  it('are file systems that their tools accept, with verity data that veritysetup accepts', async () => {
    const { project } = await inAllForms();
    for (const tag of ['one-squashfs', 'one-erofs']) {
      for (const layer of project.image(tag).manifest.layers) {
        expect(layer.annotations?.[TODAYS_ANNOTATION]).toMatch(/^[0-9a-f]{64}$/);
        expect(layer.annotations?.[SEED_ANNOTATION]).toBe(layer.annotations?.[TODAYS_ANNOTATION]);
        await verify(project, layer);
      }
    }
    const [, squashfs = 'none'] = project.image('one-squashfs').layers;
    const listed = await output('unsquashfs', ['-lln', blobPath(project.oci, squashfs)]);
    expect(listed).toMatch(/^c--------- 0\/0 +0, +0 1970-01-01 .* squashfs-root\/bin\/yes$/m);
    const [, erofs = 'none'] = project.image('one-erofs').layers;
    await output('fsck.erofs', [blobPath(project.oci, erofs)]);
  });

  it('are bases that give the very same tree, whiteouts and all', async () => {
    const { project, stdout } = await inAllForms();
    const other = workspace.project('own');
    const before = described(stdout);
    expect(Object.keys(before).length).toBeGreaterThan(15);
    for (const tag of ['one-squashfs', 'one-erofs']) {
      const from = { type: 'oci', url: `${project.oci}:${tag}` };
      const child = await other.build({ child: { from, imports, run: DESCRIBED } });
      expect(described(child.stdout), tag).toEqual(before);
    }
  });

  it('are converted to each other, taken as they are where they have the form already', async () => {
    const { project } = await inAllForms();
    const from = { type: 'oci', url: `${project.oci}:one-squashfs` };
    const other = workspace.project('own');
    await other.build({ child: { from, cmd: ['x'] } }, ALL_TYPES);
    expect(other.image('child-squashfs').manifest.layers).toEqual(
      project.image('one-squashfs').manifest.layers,
    );
    // The way there and back loses nothing.
    expect(other.image('child').config.rootfs.diff_ids).toEqual(project.image('one').config.rootfs.diff_ids);
    expect(other.image('child-erofs').layers).toEqual(project.image('one-erofs').layers);
  });

  it('come out the same in another store, and from the store the next time', async () => {
    const { project } = await inAllForms();
    const copy = workspace.project('own');
    // What the script did is the same only as a tar that is given.
    const file = {
      two: { from: busybox, imports: [{ path: join(workspace.path, 'busybox.tar'), dest: '/x' }] },
    };
    const reference = workspace.project();
    await reference.build(file, ALL_TYPES);
    await copy.build(file, ALL_TYPES);
    for (const tag of ['two', 'two-squashfs', 'two-erofs'])
      expect(copy.image(tag).layers).toEqual(reference.image(tag).layers);
    const { stderr } = await copy.build(file, ALL_TYPES);
    expect(stderr.trim().split('\n').slice(-3)).toEqual(
      ['two', 'two-squashfs', 'two-erofs'].map(tag => `found cached layer ${tag}`),
    );
    // The base was converted for another image already.
    expect(reference.image('two-squashfs').layers[0]).toBe(project.image('one-squashfs').layers[0]);
  });

  it('are made in the pass that packs a layer, with the bytes that a layer of the store gives', async () => {
    const mksquashfs = (await output('sh', ['-c', 'command -v mksquashfs'])).trim();
    /** Builds with a mksquashfs that notes which blobs were in the store when it began to write a layer. */
    const build = async (project: Project, ...types: readonly string[]) => {
      const [bin, log] = [project.at('bin'), project.at('log')];
      mkdirSync(bin, { recursive: true });
      const note = `echo begun $(ls ${project.store}/blobs/sha256) >>${log}`;
      const script = `#!/bin/sh\ncase "$*" in *-noI*) ${note} ;; esac\nexec ${mksquashfs} "$@"\n`;
      writeFileSync(join(bin, 'mksquashfs'), script, { mode: 0o755 });
      writeFileSync(log, '');
      const env = { PATH: `${bin}:${process.env.PATH}`, SOURCE_DATE_EPOCH: '1000000000' };
      const flags = types.flatMap(type => ['--layer-type', type]);
      const dest = '/usr/share/copy';
      const imported = [{ path: join(workspace.path, 'busybox.tar'), dest }];
      await project.build({ x: { from: busybox, imports: imported, run: 'echo 1 >/file' } }, flags, { env });
      const begun = readFileSync(log, 'utf8').trim().split('\n');
      // Whether the tar of each layer was there already.
      return begun.map((blobs, i) =>
        blobs.includes(project.image('x').layers[i]?.slice('sha256:'.length) ?? 'none'),
      );
    };
    const [once, twice] = [workspace.project('own'), workspace.project('own')];
    expect(await build(once, 'tar', 'squashfs')).toEqual([false, false, false]);
    await build(twice, 'tar');
    expect(await build(twice, 'tar', 'squashfs')).toEqual([true, true, true]);
    expect(once.image('x-squashfs').layers).toHaveLength(3);
    expect(once.image('x-squashfs').layers).toEqual(twice.image('x-squashfs').layers);
  });

  it('go through chains of images that are and are not handed out, in both orders', async () => {
    const { project } = await inAllForms();
    const write = (name: string) => `#!/bin/sh -e\necho ${name} >/${name}; rm -f /bin/${name}\n`;
    const file = {
      a: { from: { type: 'oci', url: `${project.oci}:one-squashfs` }, run: write('cat') },
      b: { from: { type: 'built', tag: 'a' }, build_only: true, run: write('cut') },
      c: { from: { type: 'built', tag: 'b' }, run: write('dd') },
      d: { from: busybox, build_only: true, run: write('df') },
      e: { from: { type: 'built', tag: 'd' }, run: write('du') },
    };
    const other = workspace.project();
    await other.build(file, ['--layer-type', 'squashfs,tar']);
    expect(other.tags()).toEqual(['a-squashfs', 'a', 'c-squashfs', 'c', 'e-squashfs', 'e']);
    const layersOf = (tag: string) => other.image(tag).layers;
    expect(layersOf('c-squashfs').slice(0, 3)).toEqual(layersOf('a-squashfs'));
    expect(layersOf('a-squashfs').slice(0, 2)).toEqual(project.image('one-squashfs').layers);
    expect(layersOf('c').slice(0, 3)).toEqual(layersOf('a'));
    expect([layersOf('c').length, layersOf('c-squashfs').length]).toEqual([5, 5]);
    expect([layersOf('e').length, layersOf('e-squashfs').length]).toEqual([3, 3]);
    const again = workspace.project();
    await again.build(file, ['--layer-type', 'tar', '--layer-type', 'squashfs']);
    expect(again.tags()).toEqual(['a', 'a-squashfs', 'c', 'c-squashfs', 'e', 'e-squashfs']);
    for (const tag of again.tags()) expect(again.image(tag).digest).toBe(other.image(tag).digest);
  });

  it('are published under their own tags, bit by bit', async () => {
    const project = workspace.project('own');
    const file = { one: { from: { type: 'scratch' }, imports: [{ path: busybox.url, dest: '/x' }] } };
    await project.build(file);
    const more = await project.build(file, [...ALL_TYPES, '--report', 'report.json']);
    expect(more.stderr).toContain('missing some cached layer output types, building anyway\n');
    const { programs } = JSON.parse(readFileSync(project.at('report.json'), 'utf8')) as { programs: object };
    expect(programs).toMatchObject({ mksquashfs: expect.any(String), 'mkfs.erofs': expect.any(String) });
    const types = ['--layer-type', 'squashfs', '--layer-type', 'erofs'];
    const flags = ['publish', '--url', 'oci:out', '--tag', 'v1', ...types];
    const { stderr, status } = await project.ashlar(flags);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('publishing stacker.yaml one-squashfs to oci:out:one_v1-squashfs\n');
    for (const type of ['squashfs', 'erofs'])
      expect(readImage(project.at('out'), `one_v1-${type}`).digest).toBe(project.image(`one-${type}`).digest);
    // What is handed out is kept, whatever form it has.
    await project.ashlar(['gc', '--older-than', '0']);
    const again = await project.build(file, ALL_TYPES);
    expect(again.stderr).not.toMatch(/missing|built successfully/);
    const grabbed = await project.ashlar(['grab', 'one-squashfs:/x']);
    expect(grabbed.status, grabbed.stderr).toBe(0);
    expect(sha256(readFileSync(project.at('x')))).toBe(sha256(readFileSync(busybox.url)));
  });

  it('have no verity data and another compression where that is wanted', async () => {
    const project = workspace.project();
    const file = { one: { from: { type: 'scratch' }, imports: [{ path: busybox.url, dest: '/x' }] } };
    const types = ['--layer-type', 'squashfs', '--layer-type', 'erofs'];
    const compression = ['--squashfs-compression', 'gzip:9', '--erofs-compression', 'lz4'];
    await project.build(file, [...types, ...compression, '--no-verity']);
    const [layer] = project.image('one-squashfs').manifest.layers;
    expect(layer?.mediaType).toBe('application/vnd.stacker.image.layer.squashfs+gzip');
    expect(layer?.annotations).toBeUndefined();
    const blob = blobPath(project.oci, layer?.digest ?? 'none:none');
    expect(await output('unsquashfs', ['-s', blob])).toMatch(/^Compression gzip$/m);
    const [erofs] = project.image('one-erofs').manifest.layers;
    expect(erofs?.mediaType).toBe('application/vnd.stacker.image.layer.erofs+lz4');
    expect(erofs?.annotations).toBeUndefined();
  });

  it('are stacked by sharing the very blobs of the parts', async () => {
    const project = workspace.project();
    const part = (name: string) => ({
      from: { type: 'scratch' },
      imports: [{ path: busybox.url, dest: `/${name}` }],
    });
    const tags = ['kernel', 'ovmf'];
    const layers = tags.map(tag => ({ type: 'built', tag }));
    const stack = { from: { type: 'stack' }, layers };
    await project.build({ kernel: part('kernel'), ovmf: part('ovmf'), combined: stack }, ALL_TYPES);
    for (const type of ['', '-squashfs', '-erofs']) {
      const parts = tags.flatMap(tag => project.image(tag + type).manifest.layers);
      expect(project.image(`combined${type}`).manifest.layers).toEqual(parts);
    }
  });

  describe('as bases', () => {
    async function squashfs(): Promise<{ readonly blob: Buffer; readonly root: string }> {
      const { project } = await inAllForms();
      const [layer] = project.image('one-squashfs').manifest.layers;
      const blob = readFileSync(blobPath(project.oci, layer?.digest ?? 'none:none'));
      return { blob, root: layer?.annotations?.[SEED_ANNOTATION] ?? 'none' };
    }
    const basedOn = (url: string) => ({ one: { from: { type: 'oci', url }, run: 'cat /etc/passwd' } });

    it('are taken with the media type and the annotation of the seed', async () => {
      const project = workspace.project('own');
      const { blob, root } = await squashfs();
      const layer = { mediaType: `${SQUASHFS}+verity`, annotations: { [SEED_ANNOTATION]: root } };
      const { stdout } = await project.build(basedOn(writeLayout(project.at('base'), blob, layer)));
      expect(stdout).toContain('root:x:0:0');
    });

    it('are taken without verity data, as the oldest ones are', async () => {
      const project = workspace.project('own');
      const { blob } = await squashfs();
      const plain = blob.subarray(0, Math.ceil(Number(blob.readBigUInt64LE(40)) / 4096) * 4096);
      const mediaType = 'application/vnd.stacker.image.layer.squashfs';
      const { stderr } = await project.build(basedOn(writeLayout(project.at('base'), plain, { mediaType })));
      expect(stderr).not.toContain('verity');
    });

    it('are told of where nobody vouches for their verity data', async () => {
      const project = workspace.project('own');
      const { blob } = await squashfs();
      const { stderr } = await project.build(
        basedOn(writeLayout(project.at('base'), blob, { mediaType: SQUASHFS })),
      );
      expect(stderr).toContain(
        'has verity data but no root hash in its annotations: only its digest is checked',
      );
    });

    it.each([
      [
        'the root hash of another',
        (blob: Buffer) => blob,
        { mediaType: SQUASHFS, annotations: { [TODAYS_ANNOTATION]: 'a'.repeat(64) } },
        'invalid root hash',
      ],
      [
        'no root hash for its suffix',
        (blob: Buffer) => blob,
        { mediaType: `${SQUASHFS}+verity` },
        'has no root hash',
      ],
      [
        'two different root hashes',
        (blob: Buffer) => blob,
        {
          mediaType: SQUASHFS,
          annotations: { [TODAYS_ANNOTATION]: 'a'.repeat(64), [SEED_ANNOTATION]: 'b'.repeat(64) },
        },
        'two different root hashes',
      ],
      ['content of another kind', (blob: Buffer) => blob, { mediaType: EROFS }, 'is labelled erofs but'],
      [
        'nothing but its head',
        (blob: Buffer) => blob.subarray(0, 8192),
        { mediaType: SQUASHFS },
        'is cut short',
      ],
    ])('are refused with %s', async (_, change, layer, message) => {
      const project = workspace.project('own');
      const { blob } = await squashfs();
      const url = writeLayout(project.at('base'), change(blob), layer);
      expect(await project.failure(basedOn(url))).toContain(message);
    });

    it('are refused when they would fill the disk', async () => {
      const project = workspace.project('own');
      const size = 3_145_728 + 12_345;
      project.write('tree/large', Buffer.alloc(size));
      linkSync(project.at('tree/large'), project.at('tree/link'));
      await output('mksquashfs', [project.at('tree'), project.at('image'), '-noI', '-quiet', '-no-progress']);
      const blob = readFileSync(project.at('image'));
      const word = Buffer.alloc(8);
      word.writeBigUInt64LE(BigInt(size));
      const place = blob.indexOf(word);
      expect(place).toBeGreaterThan(0);
      blob.writeBigUInt64LE(3n * 2n ** 30n, place);
      const url = writeLayout(project.at('base'), blob, { mediaType: SQUASHFS });
      expect(await project.failure(basedOn(url))).toContain('looks like a decompression bomb');
    });

    it('are refused with a name that leads out', async () => {
      const project = workspace.project('own');
      mkdirSync(project.at('tree/aa'), { recursive: true });
      project.write('tree/aa/escaped', 'x');
      const plain = ['-noI', '-noD', '-noF', '-noX', '-quiet', '-no-progress'];
      await output('mksquashfs', [project.at('tree'), project.at('image'), ...plain]);
      const blob = readFileSync(project.at('image'));
      const name = blob.indexOf('aa');
      expect(name).toBeGreaterThan(0);
      blob.write('..', name);
      const url = writeLayout(project.at('base'), blob, { mediaType: SQUASHFS });
      expect(await project.failure(basedOn(url))).toContain('unsquashfs failed');
    });

    it.each([100_000, -5000])(
      'are refused with a flipped bit (byte %i), though the digest fits',
      async at => {
        const project = workspace.project('own');
        const { blob, root } = await squashfs();
        const damaged = Buffer.from(blob);
        const place = at < 0 ? damaged.length + at : at;
        damaged[place] = (damaged[place] ?? 0) ^ 4;
        const layer = { mediaType: SQUASHFS, annotations: { [TODAYS_ANNOTATION]: root } };
        const url = writeLayout(project.at('base'), damaged, layer);
        expect(await project.failure(basedOn(url))).toContain('the verity data is wrong');
      },
    );
  });

  /** A base of two layers: busybox, and a tar with this entry alone. */
  async function onBusybox(project: Project, entry: string) {
    const layout = project.at('base');
    const image = ['--image', `${layout}:x`];
    umoci('init', '--layout', layout);
    umoci('new', ...image);
    umoci('raw', 'add-layer', ...image, busybox.url);
    project.write(`files/${entry}`, '');
    const tar = project.at('upper.tar');
    await output('tar', ['-C', project.at('files'), '-cf', tar, entry]);
    umoci('raw', 'add-layer', ...image, tar);
    return { type: 'oci', url: `${layout}:x` };
  }

  it('say of a directory that a layer only implies what the layer below says', async () => {
    const project = workspace.project('own');
    // As other builders write layers: without the directories that the files are in.
    await project.build({ one: { from: await onBusybox(project, 'tmp/file') } }, ALL_TYPES);
    const [, squashfs = 'none'] = project.image('one-squashfs').layers;
    const listed = await output('unsquashfs', ['-lln', blobPath(project.oci, squashfs)]);
    expect(listed).toMatch(/^drwxrwxrwt 0\/0 .* squashfs-root\/tmp$/m);
    const [, erofs = 'none'] = project.image('one-erofs').layers;
    const dumped = await output('dump.erofs', ['--path=/tmp', blobPath(project.oci, erofs)]);
    // It does not print the sticky bit.
    expect(dumped).toMatch(/Access: 0777/);
  });

  it('cannot say that a layer hides everything below it', async () => {
    const project = workspace.project('own');
    const file = { one: { from: await onBusybox(project, '.wh..wh..opq') } };
    expect(await project.failure(file, ALL_TYPES)).toContain(
      'hides everything below it, which only a tar layer',
    );
    await project.build(file);
  });

  describe('are refused', () => {
    const file = { one: { from: { type: 'scratch' } } };
    it.each([
      [['--layer-type', ''], 'must specify at least one output --layer-type'],
      [['--layer-type', 'squash'], 'unknown layer type: squash'],
      [['--squashfs-compression', 'zip'], '--squashfs-compression zip: choose one of '],
      [['--squashfs-compression', 'zstd:23'], 'the levels of zstd are 1 to 22'],
      [['--erofs-compression', 'lz4:1'], 'lz4 has no levels'],
    ])('%j', async (flags, message) => {
      expect(await workspace.project().failure(file, flags)).toContain(message);
    });

    it('before anything is done, where the program is missing', async () => {
      const project = workspace.project();
      const bin = project.at('bin');
      mkdirSync(bin);
      symlinkSync(process.execPath, join(bin, 'node'));
      for (const name of ['readlink', 'find', 'sh']) symlinkSync(`/usr/bin/${name}`, join(bin, name));
      const run = { env: { PATH: bin } };
      const message = await project.failure(file, ['--layer-type', 'squashfs'], run);
      expect(message).toContain("cannot find the program 'mksquashfs', which --layer-type squashfs needs");
      expect(message).toContain('apt install squashfs-tools');
      expect(project.hasLayout()).toBe(false);
    });
  });
});
