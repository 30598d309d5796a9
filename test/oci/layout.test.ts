import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createLayout,
  digestOf,
  documentBytes,
  mediaTypes,
  openImage,
  openLayout,
  parseReference,
  refName,
} from '../../src/oci/index.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { runProgram } from '../../src/support/process.ts';
import { has } from '../support/tools.ts';
import { bytesOf, describeBytes, makeImage, output, putImage, temporaryDirectory } from './fixtures.ts';

const files = (path: string): readonly string[] => readdirSync(path, { recursive: true }).map(String).sort();

describe('opening a layout', () => {
  it('says that nothing is there', async () => {
    using temporary = temporaryDirectory();
    await expect(openLayout(temporary.in('x'))).rejects.toThrow(
      `there is no OCI layout in ${temporary.in('x')}`,
    );
  });

  it('refuses a file', async () => {
    using temporary = temporaryDirectory();
    const path = temporary.in('file');
    await writeFile(path, '');
    const message = `parameter oci-dir="${path}" exists but is not a directory.`;
    await expect(openLayout(path)).rejects.toThrow(new AshlarError(message));
    await expect(createLayout(path)).rejects.toThrow(message);
  });

  it('refuses a directory with other things in it', async () => {
    using temporary = temporaryDirectory();
    await writeFile(temporary.in('notes.txt'), '');
    const message = `parameter oci-dir="${temporary.path}" exists but does not look like an OCI Layout.`;
    await expect(openLayout(temporary.path)).rejects.toThrow(message);
    await expect(createLayout(temporary.path)).rejects.toThrow(message);
    expect(files(temporary.path)).toEqual(['notes.txt']);
  });

  it.each([
    ['{"imageLayoutVersion": "2.0.0"}', 'has the unknown version 2.0.0'],
    ['{}', 'does not look like an OCI Layout.'],
    ['no json', 'does not look like an OCI Layout.'],
  ])('refuses oci-layout with %s', async (content, message) => {
    using temporary = temporaryDirectory();
    await createLayout(temporary.path);
    await writeFile(temporary.in('oci-layout'), content);
    await expect(openLayout(temporary.path)).rejects.toThrow(message);
  });

  it('refuses an index.json that is a symlink or too large', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    await truncate(temporary.in('index.json'), 5 * 1024 * 1024);
    await expect(layout.index()).rejects.toThrow('is larger than 4194304 bytes');
    await unlink(temporary.in('index.json'));
    await symlink('/etc/hostname', temporary.in('index.json'));
    await expect(layout.index()).rejects.toThrow('index.json is not a regular file');
  });

  it('completes a layout whose maker was interrupted', async () => {
    using temporary = temporaryDirectory();
    mkdirSync(temporary.in('blobs/sha256'), { recursive: true });
    writeFileSync(temporary.in('.ashlar-0123'), 'half');
    const layout = await createLayout(temporary.path);
    expect(await layout.tags()).toEqual([]);
  });

  it('says what could not be done on disk', async () => {
    using temporary = temporaryDirectory();
    await writeFile(temporary.in('file'), '');
    const path = temporary.in('file/layout');
    await expect(createLayout(path)).rejects.toThrow(AshlarError);
    await expect(createLayout(path)).rejects.toThrow(`cannot look at ${path}: ENOTDIR`);
  });

  it('makes one layout when many ask at once', async () => {
    using temporary = temporaryDirectory();
    const path = temporary.in('deep/inside');
    await Promise.all(Array.from({ length: 10 }, () => createLayout(path)));
    expect(files(path)).toEqual(['blobs', 'blobs/sha256', 'index.json', 'oci-layout']);
  });
});

describe('a tag', () => {
  it('that is set again moves to the end', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    const [one, two] = [makeImage(['1']), makeImage(['2'])];
    using change = await layout.change();
    await change.setTags([
      { tag: 'a', descriptor: one.descriptor },
      { tag: 'b', descriptor: one.descriptor },
      { tag: 'c', descriptor: one.descriptor },
    ]);
    await change.setTags([{ tag: 'a', descriptor: two.descriptor }]);
    const tags = await layout.tags();
    expect(tags.map(({ tag, descriptor }) => [tag, descriptor.digest])).toEqual([
      ['b', one.descriptor.digest],
      ['c', one.descriptor.digest],
      ['a', two.descriptor.digest],
    ]);
  });

  it('that is set drops the entries without one and keeps what other tools wrote', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    const { descriptor } = makeImage(['1']);
    const foreign = { ...descriptor, annotations: { [refName]: 'other', 'org.example': 'kept' } };
    const index = {
      schemaVersion: 2 as const,
      manifests: [descriptor, foreign],
      annotations: { of: 'index' },
    };
    await writeFile(temporary.in('index.json'), documentBytes(index));
    using change = await layout.change();
    await change.setTags([{ tag: 'x', descriptor }]);
    expect(await layout.index()).toEqual({
      ...index,
      manifests: [foreign, { ...descriptor, annotations: { [refName]: 'x' } }],
    });
    await change.removeTags(['other', 'missing']);
    expect((await layout.tags()).map(({ tag }) => tag)).toEqual(['x']);
  });

  it('of each of many writers at once is kept', async () => {
    using temporary = temporaryDirectory();
    const writer = `
      import { createLayout, documentBytes, mediaTypes } from '${new URL('../../src/oci/index.ts', import.meta.url)}';
      const layout = await createLayout(process.argv[1]);
      for (let i = 0; i < 10; i += 1) {
        using change = await layout.change();
        const descriptor = await change.addBytes(mediaTypes.index, documentBytes({ schemaVersion: 2, manifests: [], annotations: { i: process.argv[2] + i } }));
        await change.setTags([{ tag: process.argv[2] + i, descriptor }]);
        await change.removeUnreferencedBlobs();
      }`;
    const names = ['a', 'b', 'c', 'd'];
    const runs = names.map(name =>
      runProgram(process.execPath, ['--input-type=module', '-e', writer, temporary.path, name]),
    );
    for (const { status, stderr } of await Promise.all(runs))
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const tags = await (await openLayout(temporary.path)).tags();
    const expected = names.flatMap(name => Array.from({ length: 10 }, (_, i) => `${name}${i}`));
    expect(tags.map(({ tag }) => tag).sort()).toEqual(expected);
    expect(files(temporary.in('blobs/sha256'))).toHaveLength(40);
  });
});

it('that somebody else changes is waited for until the caller gives up', async () => {
  using temporary = temporaryDirectory();
  const layout = await createLayout(temporary.path);
  const controller = new AbortController();
  {
    using _ = await layout.change();
    const waiting = layout.change({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  }
  using change = await layout.change();
  expect(change.layout).toBe(layout);
});

describe('a blob', () => {
  it('is stored under its digest from memory, stream and file alike', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.in('layout'));
    const bytes = Buffer.from('content');
    await writeFile(temporary.in('file'), bytes);
    using change = await layout.change();
    const descriptor = await change.addBytes('text/plain', bytes);
    expect(descriptor).toEqual({ mediaType: 'text/plain', digest: digestOf(bytes), size: 7 });
    for (const add of [
      () => change.addStream(descriptor, [bytes.subarray(0, 3), bytes.subarray(3)]),
      () => change.addFile(descriptor, temporary.in('file')),
      () => change.addBytes('text/plain', bytes),
    ]) {
      await rm(layout.blobPath(descriptor.digest));
      await add();
      expect(String(await bytesOf(layout.blob(descriptor)))).toBe('content');
    }
    expect(files(layout.path).filter(name => name.startsWith('.'))).toEqual([]);
  });

  it('takes no space of its own when its file is on the same file system', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.in('layout'));
    const bytes = Buffer.alloc(100_000, 'x');
    await writeFile(temporary.in('file'), bytes);
    using change = await layout.change();
    const descriptor = describeBytes('x/y', bytes);
    await change.addFile(descriptor, temporary.in('file'));
    const [own, other] = [layout.blobPath(descriptor.digest), temporary.in('file')].map(path =>
      statSync(path),
    );
    // A reflink has an inode of its own, a hard link has not; both must have the content.
    expect(own?.size).toBe(other?.size);
    expect(readFileSync(layout.blobPath(descriptor.digest)).equals(bytes)).toBe(true);
  });

  it('comes from another file system by copy', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.in('layout'));
    const source = '/dev/shm/ashlar-test-blob';
    await writeFile(source, 'content');
    try {
      using change = await layout.change();
      const descriptor = describeBytes('x/y', Buffer.from('content'));
      await change.addFile(descriptor, source);
      expect(String(await bytesOf(layout.blob(descriptor)))).toBe('content');
    } finally {
      await rm(source);
    }
  });

  it('that is half there is replaced', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    using change = await layout.change();
    const bytes = Buffer.from('content');
    const descriptor = await change.addBytes('x/y', bytes);
    await truncate(layout.blobPath(descriptor.digest), 3);
    expect(layout.hasBlob(descriptor)).toBe(false);
    await change.addBytes('x/y', bytes);
    expect(String(await bytesOf(layout.blob(descriptor)))).toBe('content');
  });

  it('that lies about its digest is not stored', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    using change = await layout.change();
    const descriptor = describeBytes('x/y', Buffer.from('right'));
    await expect(change.addStream(descriptor, [Buffer.from('wrong')])).rejects.toThrow('is damaged');
    expect(files(layout.path)).toEqual(['blobs', 'blobs/sha256', 'index.json', 'oci-layout']);
  });

  it.each(['flipped', 'truncated', 'extended'])('that was %s is never served', async damage => {
    using temporary = temporaryDirectory();
    const image = makeImage(['hello']);
    await putImage(temporary.path, image, 'x');
    const layout = await openLayout(temporary.path);
    const [layer] = image.manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const bytes = Buffer.from(image.layers[0] ?? []);
    if (damage === 'flipped') bytes[20] = (bytes[20] ?? 0) ^ 1;
    const content = {
      flipped: bytes,
      truncated: bytes.subarray(1),
      extended: Buffer.concat([bytes, Buffer.from('!')]),
    }[damage];
    await writeFile(layout.blobPath(layer.digest), content ?? '');
    const opened = await openImage(parseReference(`oci:${temporary.path}:x`));
    const message = { flipped: 'is damaged', truncated: 'is truncated', extended: 'is longer than' }[damage];
    await expect(bytesOf(opened.blob(layer))).rejects.toThrow(message);
  });

  it('that is a symlink is refused, as is a symlinked directory of blobs', async () => {
    using temporary = temporaryDirectory();
    const image = makeImage(['hello']);
    await putImage(temporary.in('layout'), image, 'x');
    const layout = await openLayout(temporary.in('layout'));
    const [layer] = image.manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const path = layout.blobPath(layer.digest);
    await rename(path, temporary.in('outside'));
    symlinkSync(temporary.in('outside'), path);
    const opened = await openImage(parseReference(`oci:${layout.path}:x`));
    await expect(bytesOf(opened.blob(layer))).rejects.toThrow('is not a regular file');
    expect(opened.localBlob(layer)).toBeUndefined();

    await unlink(path);
    await rename(temporary.in('outside'), path);
    await expect(bytesOf(opened.blob(layer))).resolves.toBeDefined();
    await rename(join(layout.path, 'blobs/sha256'), temporary.in('elsewhere'));
    symlinkSync(temporary.in('elsewhere'), join(layout.path, 'blobs/sha256'));
    await expect(bytesOf(opened.blob(layer))).rejects.toThrow('blobs/sha256 is not a directory');
    expect(opened.localBlob(layer)).toBeUndefined();
    const before = files(temporary.in('elsewhere'));
    using change = await layout.change();
    await expect(change.addBytes('x/y', Buffer.from('new'))).rejects.toThrow(
      'blobs/sha256 is not a directory',
    );
    await expect(change.removeUnreferencedBlobs()).rejects.toThrow('blobs/sha256 is not a directory');
    expect(files(temporary.in('elsewhere'))).toEqual(before);
  });

  it('that is a FIFO is refused at once', async () => {
    using temporary = temporaryDirectory();
    const image = makeImage(['hello']);
    await putImage(temporary.path, image, 'x');
    const path = (await openLayout(temporary.path)).blobPath(image.descriptor.digest);
    await unlink(path);
    await output('mkfifo', path);
    await expect(openImage(parseReference(`oci:${temporary.path}:x`))).rejects.toThrow(
      'is not a regular file',
    );
  });

  it('that is missing is named', async () => {
    using temporary = temporaryDirectory();
    const image = makeImage(['hello']);
    await putImage(temporary.path, image, 'x');
    const layout = await openLayout(temporary.path);
    await unlink(layout.blobPath(image.manifest.config.digest));
    await expect(openImage(parseReference(`oci:${temporary.path}:x`))).rejects.toThrow(
      `blob ${image.manifest.config.digest} is missing in the OCI layout ${temporary.path}`,
    );
  });
});

describe('collecting garbage', () => {
  it('keeps what tags lead to through indexes and subjects, and removes the rest', async () => {
    using temporary = temporaryDirectory();
    const [kept, inIndex, dropped, subject] = ['kept', 'in index', 'dropped', 'subject'].map(name =>
      makeImage([name]),
    );
    if (!kept || !inIndex || !dropped || !subject) throw new Error('four images');
    for (const [i, image] of [kept, inIndex, dropped, subject].entries())
      await putImage(temporary.path, image, `t${i}`);
    const layout = await openLayout(temporary.path);
    using change = await layout.change();
    const missing = describeBytes(mediaTypes.manifest, Buffer.from('never copied'));
    const index = await change.addBytes(
      mediaTypes.index,
      documentBytes({
        schemaVersion: 2,
        manifests: [inIndex.descriptor, missing],
        subject: subject.descriptor,
      }),
    );
    await change.setTags([{ tag: 'index', descriptor: index }]);
    await change.removeTags(['t1', 't2', 't3']);
    await writeFile(temporary.in('.ashlar-left-behind'), 'x');
    const freed = await change.removeUnreferencedBlobs();
    const sizes = [
      dropped.descriptor.size,
      dropped.manifest.config.size,
      dropped.manifest.layers[0]?.size ?? 0,
    ];
    expect(freed).toEqual({ blobs: 3, bytes: sizes.reduce((a, b) => a + b) });
    expect(files(temporary.in('blobs/sha256'))).toHaveLength(3 * 3 + 1);
    expect(files(temporary.path)).not.toContain('.ashlar-left-behind');
    expect(await change.removeUnreferencedBlobs()).toEqual({ blobs: 0, bytes: 0 });
  });

  it.each([
    ['damaged', (size: number) => Buffer.alloc(size, ' ')],
    ['truncated', () => Buffer.from('{')],
  ])('removes nothing when a manifest is %s', async (damage, content) => {
    using temporary = temporaryDirectory();
    const image = makeImage(['x']);
    await putImage(temporary.path, image, 'x');
    const layout = await openLayout(temporary.path);
    using change = await layout.change();
    await change.addBytes('x/y', Buffer.from('garbage'));
    const path = layout.blobPath(image.descriptor.digest);
    await writeFile(path, content(image.descriptor.size));
    await expect(change.removeUnreferencedBlobs()).rejects.toThrow(`is ${damage}`);
    expect(files(temporary.in('blobs/sha256'))).toHaveLength(4);
  });
});

describe.skipIf(!has('umoci', 'skopeo'))('other tools', () => {
  it('read the images that we write', async () => {
    using temporary = temporaryDirectory();
    const image = makeImage(['one', 'two']);
    await putImage(temporary.in('ours'), image, 'first', 'second:1.0');
    expect((await output('umoci', 'ls', '--layout', temporary.in('ours'))).split('\n')).toEqual([
      'first',
      'second:1.0',
      '',
    ]);
    const inspected = JSON.parse(await output('skopeo', 'inspect', `oci:${temporary.in('ours')}:first`));
    expect(inspected).toMatchObject({
      Digest: image.descriptor.digest,
      Labels: { made: 'by test' },
      Os: 'linux',
    });
    await output('skopeo', 'copy', `oci:${temporary.in('ours')}:second:1.0`, `oci:${temporary.in('copy')}:x`);
    const copy = await openImage(parseReference(`oci:${temporary.in('copy')}:x`));
    expect(copy.descriptor).toEqual(image.descriptor);
    await output(
      'umoci',
      'unpack',
      '--rootless',
      '--image',
      `${temporary.in('ours')}:first`,
      temporary.in('bundle'),
    );
    expect(await readFile(temporary.in('bundle/rootfs/file1'), 'utf8')).toBe('two');
  });

  it('go on with our layout, and we with theirs', async () => {
    using temporary = temporaryDirectory();
    const path = temporary.in('layout');
    await output('umoci', 'init', '--layout', path);
    await output('umoci', 'new', '--image', `${path}:empty`);
    const empty = await openImage(parseReference(`oci:${path}:empty`));
    expect(empty.manifest.layers).toEqual([]);
    await putImage(path, makeImage(['x']), 'ours');
    await output('umoci', 'config', '--image', `${path}:ours`, '--tag', 'theirs', '--config.env', 'NEW=1');
    await mkdir(temporary.in('root'));
    await output('umoci', 'gc', '--layout', path);
    const { config } = await openImage(parseReference(`oci:${path}:theirs`));
    expect(config.config?.Env).toEqual(['PATH=/bin', 'NEW=1']);
    const layout = await openLayout(path);
    expect((await layout.tags()).map(({ tag }) => tag)).toEqual(['empty', 'ours', 'theirs']);
    using change = await layout.change();
    await change.removeUnreferencedBlobs();
    await output('skopeo', 'inspect', `oci:${path}:theirs`);
  });
});

describe('an image in a layout', () => {
  it('is named with its digest and opened by it again', async () => {
    using temporary = temporaryDirectory();
    const image = makeImage(['a', 'b']);
    await putImage(temporary.path, image, 'x:1');
    const opened = await openImage(parseReference(`oci:${temporary.path}:x:1`));
    expect(opened.reference).toEqual({
      transport: 'oci',
      path: temporary.path,
      tag: 'x:1',
      digest: image.descriptor.digest,
    });
    expect(opened).toMatchObject({ descriptor: image.descriptor, manifest: image.manifest });
    expect(Buffer.from(opened.manifestBytes).equals(image.manifestBytes)).toBe(true);
    expect(Buffer.from(opened.configBytes).equals(image.configBytes)).toBe(true);
    const again = await openImage(parseReference(`oci:${temporary.path}@${image.descriptor.digest}`));
    expect(again.descriptor).toEqual(image.descriptor);
    const [layer] = image.manifest.layers;
    expect(layer && opened.localBlob(layer)).toBe(temporary.in(`blobs/sha256/${layer?.digest.slice(7)}`));
  });

  it('with an unknown tag is refused, with the tags there are', async () => {
    using temporary = temporaryDirectory();
    await putImage(temporary.path, makeImage(['a']), 'one', 'two');
    await expect(openImage(parseReference(`oci:${temporary.path}:three`))).rejects.toMatchObject({
      message: `tag three is not in the OCI layout ${temporary.path}`,
      hint: 'it has one, two',
    });
  });

  it('of an index is the one for the platform, also in an index of indexes', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    const images = new Map(['amd64', 'arm64'].map(name => [name, makeImage([name], { architecture: name })]));
    for (const [name, image] of images) await putImage(temporary.path, image, name);
    using change = await layout.change();
    const manifests = [...images].map(([architecture, { descriptor }]) => ({
      ...descriptor,
      platform: { os: 'linux', architecture },
    }));
    const inner = await change.addBytes(
      mediaTypes.index,
      documentBytes({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }),
    );
    const outer = await change.addBytes(
      mediaTypes.index,
      documentBytes({ schemaVersion: 2, manifests: [inner] }),
    );
    await change.setTags([
      { tag: 'multi', descriptor: inner },
      { tag: 'nested', descriptor: outer },
    ]);
    for (const tag of ['multi', 'nested']) {
      const opened = await openImage(parseReference(`oci:${temporary.path}:${tag}`), {
        platform: { os: 'linux', architecture: 'arm64' },
      });
      expect(opened.descriptor).toEqual(images.get('arm64')?.descriptor);
      expect(opened.reference.digest).toBe((tag === 'multi' ? inner : outer).digest);
      expect(opened.config.architecture).toBe('arm64');
    }
    const wanted = { os: 'linux', architecture: 'riscv64' };
    await expect(
      openImage(parseReference(`oci:${temporary.path}:multi`), { platform: wanted }),
    ).rejects.toMatchObject({
      message: `oci:${temporary.path}:multi has no image for linux/riscv64`,
      hint: 'it has linux/amd64, linux/arm64',
    });
  });

  it('behind too many indexes is not looked for', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    const image = makeImage(['x']);
    await putImage(temporary.path, image, 'x');
    using change = await layout.change();
    let descriptor = image.descriptor;
    for (let depth = 0; depth < 6; depth += 1) {
      descriptor = await change.addBytes(
        mediaTypes.index,
        documentBytes({ schemaVersion: 2, manifests: [descriptor] }),
      );
    }
    await change.setTags([{ tag: 'deep', descriptor }]);
    await expect(openImage(parseReference(`oci:${temporary.path}:deep`))).rejects.toThrow(
      'is an index of indexes, more than 4 deep',
    );
  });

  it('that is an artifact is refused, as are diff_ids that do not match the layers', async () => {
    using temporary = temporaryDirectory();
    const layout = await createLayout(temporary.path);
    const image = makeImage(['x']);
    await putImage(temporary.path, image, 'x');
    using change = await layout.change();
    const put = async (tag: string, manifest: object) => {
      const descriptor = await change.addBytes(mediaTypes.manifest, Buffer.from(JSON.stringify(manifest)));
      await change.setTags([{ tag, descriptor }]);
      return openImage(parseReference(`oci:${temporary.path}:${tag}`));
    };
    const empty = await change.addBytes('application/vnd.oci.empty.v1+json', Buffer.from('{}'));
    await expect(put('artifact', { ...image.manifest, config: empty })).rejects.toThrow(
      'is not a container image: its config is of type application/vnd.oci.empty.v1+json',
    );
    await expect(put('fewer', { ...image.manifest, layers: [] })).rejects.toThrow(
      'has 0 layers, but 1 diff_ids in its config',
    );
    const huge = { ...image.manifest.config, size: 9 * 1024 * 1024 };
    await expect(put('huge', { ...image.manifest, config: huge })).rejects.toThrow(
      'is larger than 8388608 bytes',
    );
  });
});
