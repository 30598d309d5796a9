/** The tar codec by itself: what is written is read back, by us and by others, and damage is an error. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteString, fromText, isText, toText } from '../../src/layers/bytes.ts';
import { type Flow, run } from '../../src/layers/flow.ts';
import type { EntryType, TarEntry } from '../../src/layers/tar-entry.ts';
import { readTar } from '../../src/layers/tar-reader.ts';
import { BlockPool, TarWriter } from '../../src/layers/tar-writer.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { file, lacks, type RawEntry, rawTar, readTree, scratch, unpackTar } from './support.ts';

interface Full {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

async function write(entries: readonly Full[]): Promise<Buffer> {
  const writer = new TarWriter(new BlockPool());
  const blocks: Buffer[] = [];
  function* all(): Flow<void> {
    for (const { entry, content } of entries) {
      yield* writer.begin(entry);
      yield* writer.write(content);
      yield* writer.pad(content.length);
    }
    yield* writer.end();
  }
  await run(all(), [], block => {
    blocks.push(Buffer.from(block));
  });
  return Buffer.concat(blocks);
}

/** Reads an archive that comes in pieces of a given size. */
async function read(tar: Buffer, pieces = 1 << 20): Promise<Full[]> {
  const entries: Full[] = [];
  function* input(): Generator<Buffer> {
    const reused = Buffer.alloc(pieces);
    for (let at = 0; at < tar.length; at += pieces) {
      yield reused.subarray(0, tar.copy(reused, 0, at));
    }
  }
  await run(
    readTar(function* (entry, content) {
      const chunks: Buffer[] = [];
      while (content.left > 0) chunks.push(Buffer.from((yield* content.next()) ?? []));
      entries.push({ entry, content: Buffer.concat(chunks) });
    }),
    input(),
  );
  return entries;
}

const bytes = (limits: { minLength: number; maxLength: number }): fc.Arbitrary<ByteString> =>
  fc.uint8Array(limits).map(array => Buffer.from(array).toString('latin1').replaceAll('\0', 'n'));
const component = fc
  .oneof(
    bytes({ minLength: 1, maxLength: 255 }),
    fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map(fromText),
  )
  .map(text => text.replaceAll('/', '_').replaceAll('\0', 'n'));
const path = fc.array(component, { minLength: 1, maxLength: 6 }).map(parts => parts.join('/'));

const entry: fc.Arbitrary<Full> = fc
  .record({
    path,
    type: fc.constantFrom<EntryType>(
      'file',
      'directory',
      'symlink',
      'hardlink',
      'character',
      'block',
      'fifo',
    ),
    mode: fc.nat(0o7777),
    uid: fc.oneof(fc.nat(2_097_152), fc.nat(0xffff_fffe)),
    gid: fc.oneof(fc.nat(2_097_152), fc.nat(0xffff_fffe)),
    seconds: fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }).map(Number)),
    link: path,
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
    xattrs: fc.uniqueArray(
      fc.record({
        name: bytes({ minLength: 1, maxLength: 100 }).map(name => `user.${name.replaceAll('=', '-')}`),
        value: fc.uint8Array({ maxLength: 3000 }),
      }),
      { maxLength: 3, selector: ({ name }) => name },
    ),
    content: fc.uint8Array({ maxLength: 2000 }),
  })
  .map(({ seconds, content, ...rest }) => {
    const isLink = rest.type === 'symlink' || rest.type === 'hardlink';
    const isDevice = rest.type === 'character' || rest.type === 'block';
    const body = Buffer.from(rest.type === 'file' ? content : []);
    return {
      content: body,
      entry: {
        ...rest,
        path: rest.type === 'directory' ? `${rest.path}/` : rest.path,
        link: isLink ? rest.link : '',
        major: isDevice ? rest.major : 0,
        minor: isDevice ? rest.minor : 0,
        size: body.length,
        mtime: BigInt(seconds) * 1_000_000_000n,
        xattrs: rest.xattrs
          .map(({ name, value }) => ({ name, value: Buffer.from(value) }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      },
    };
  });

describe('an archive', () => {
  it('is read back as it was written, however it is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 6 }),
        fc.constantFrom(1 << 20, 512, 1000, 7),
        async (entries, pieces) => {
          expect(await read(await write(entries), pieces)).toEqual(entries);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('has the same bytes each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async entries => {
        const reversed = entries.map(full => ({
          ...full,
          entry: { ...full.entry, xattrs: full.entry.xattrs.toReversed() },
        }));
        expect((await write(entries)).equals(await write(reversed))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('is plain ustar as long as that can hold it', async () => {
    const plain: TarEntry = {
      path: 'a'.repeat(100),
      type: 'symlink',
      mode: 0o777,
      uid: 2_097_151,
      gid: 2_097_151,
      size: 0,
      mtime: 8_589_934_591_999_999_999n,
      link: 'b'.repeat(100),
      major: 0,
      minor: 0,
      xattrs: [],
    };
    const length = async (more: Partial<TarEntry>) =>
      (await write([{ entry: { ...plain, ...more }, content: Buffer.alloc(0) }])).length;
    expect(await length({})).toBe(512 + 1024);
    expect(await length({ path: `${'p'.repeat(155)}/${'n'.repeat(100)}` })).toBe(512 + 1024);
    for (const more of [
      { path: 'p'.repeat(101) },
      { link: 'l'.repeat(101) },
      { uid: 2_097_152 },
      { mtime: -1n },
      { mtime: 8_589_934_592_000_000_000n },
    ]) {
      expect(await length(more)).toBe(3 * 512 + 1024);
    }
  });

  it.skipIf(lacks('bsdtar'))('is understood by GNU tar and bsdtar', async () => {
    const readable = fc.array(entry, { maxLength: 8 }).map(entries =>
      // Each under a name of its own, of types that need no privileges, with times that other tools print.
      entries.map(({ entry: e, content }, i) => ({
        content: e.type === 'directory' || e.type === 'symlink' ? Buffer.alloc(0) : content,
        entry: {
          ...e,
          type: e.type === 'directory' || e.type === 'symlink' ? e.type : ('file' as const),
          path: `${i}${e.path.replace(/[^ -~/]|\\/g, 'x').replaceAll(/\.\.|\/\./g, 'xx')}`,
          link: e.type === 'symlink' ? 'target' : '',
          major: 0,
          minor: 0,
          mtime: 1_600_000_000_000_000_000n,
          xattrs: [],
        },
      })),
    );
    await fc.assert(
      fc.asyncProperty(readable, async entries => {
        const tar = await write(entries);
        const wanted = entries.map(({ entry: e }) => e.path).join('\n');
        for (const command of [
          ['tar', '-tf', '-'],
          ['bsdtar', '-tf', '-'],
        ] as const) {
          expect(execFileSync(command[0], command.slice(1), { input: tar, encoding: 'utf8' }).trim()).toBe(
            wanted.trim(),
          );
        }
        const details = execFileSync('tar', ['-tvf', '-', '--numeric-owner'], {
          input: tar,
          encoding: 'utf8',
        });
        const owners = details
          .split('\n')
          .filter(Boolean)
          .map(line => line.split(/\s+/)[1]);
        expect(owners).toEqual(entries.map(({ entry: e }) => `${e.uid}/${e.gid}`));
      }),
      { numRuns: 30 },
    );
  });

  it('of 9 GiB has the size of its file in an extended header', async () => {
    const writer = new TarWriter(new BlockPool());
    const size = 9 * 2 ** 30;
    let head = Buffer.alloc(0);
    let total = 0;
    function* all(): Flow<void> {
      yield* writer.begin({
        path: 'big',
        type: 'file',
        mode: 0o644,
        uid: 0,
        gid: 0,
        size,
        mtime: 0n,
        link: '',
        major: 0,
        minor: 0,
        xattrs: [],
      });
      yield* writer.zeros(2 ** 20);
    }
    await run(all(), [], block => {
      if (total === 0) head = Buffer.from(block);
      total += block.length;
    });
    expect(head.toString('latin1', 512, 531)).toBe(`19 size=${size}\n`);
    await expect(read(head)).rejects.toThrow('ends within the content');
  });
});

describe('numbers in headers', () => {
  it.each([
    ['base-256', Buffer.from('800000000000000000000005', 'hex'), 5],
    ['spaces before the digits', Buffer.from('          5 '), 5],
    ['no end', Buffer.from('000000000005'), 5],
    ['NULs before the digits', Buffer.from('\0\0\0\0\0\0\0\0\0\x005\0', 'latin1'), 5],
  ])('may have %s', async (_, size, expected) => {
    const [first] = await read(rawTar([{ name: 'x', content: 'hello', size }]));
    expect(first?.entry.size).toBe(expected);
  });
});

describe('damage', () => {
  const originals = [
    rawTar([
      file('a/b', 'content', { pax: { mtime: '1.5', 'SCHILY.xattr.user.a': 'b' } }),
      { name: '././@LongLink', type: 'L', content: `${'long/'.repeat(30)}\0` },
      file('x'),
      { name: 'l', type: '2', link: 'a/b' },
      { name: 'h', type: '1', link: 'a/b' },
      file('s', 'a'.repeat(1024), { pax: { 'GNU.sparse.size': '9999', 'GNU.sparse.map': '0,512,5000,512' } }),
      file('d/.wh.gone', ''),
    ] satisfies RawEntry[]),
  ];

  it('anywhere in an archive is an error for the user or goes unnoticed, and stays inside', async () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), seal: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...originals),
        fc.array(change, { minLength: 1, maxLength: 5 }),
        async (original, changes) => {
          const tar = Buffer.from(original);
          for (const { at, byte, seal } of changes) {
            const position = at % tar.length;
            tar[position] = byte;
            // Damage behind a valid checksum goes deeper.
            if (seal) reseal(tar, position);
          }
          const root = scratch();
          writeFileSync(join(root, 'sentinel'), 'x');
          const before = readTree(root);
          try {
            await unpackTar(tar, { directory: join(root, 'tree') });
          } catch (error) {
            expect(error).toBeInstanceOf(AshlarError);
          }
          const after = Object.keys(readTree(root)).filter(
            name => name !== 'tree' && !name.startsWith('tree/'),
          );
          expect(after).toEqual(Object.keys(before));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('that is nothing but noise is an error for the user', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), async noise => {
        const tar = Buffer.from(noise);
        if (tar.every(byte => byte === 0)) return;
        await expect(unpackTar(tar)).rejects.toThrow(AshlarError);
      }),
      { numRuns: 100 },
    );
  });
});

function reseal(tar: Buffer, position: number): void {
  const header = tar.subarray(position - (position % 512), position - (position % 512) + 512);
  if (header.toString('latin1', 257, 262) !== 'ustar') return;
  header.write('        ', 148);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
}

describe('byte strings', () => {
  it('keep every name, and know which are text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        expect(toText(fromText(text))).toBe(text);
        expect(isText(fromText(text))).toBe(true);
      }),
    );
    expect(isText('\xe9')).toBe(false);
    expect(isText('\xc3\xa9')).toBe(true);
  });
});
