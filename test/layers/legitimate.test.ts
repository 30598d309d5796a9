/** Archives that look odd and are honest: the first hardening of other tools broke them. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dir,
  file,
  hardlink,
  lacks,
  overlay,
  type RawEntry,
  rawTar,
  readTree,
  scratch,
  symlink,
  umociTree,
  unpackTar,
  withoutTimes,
} from './support.ts';

async function treeOf(entries: readonly RawEntry[]): Promise<ReturnType<typeof readTree>> {
  return readTree((await unpackTar(rawTar(entries))).directory);
}

describe('unpacking accepts', () => {
  it('a merged /usr, and hard links across it', async () => {
    const tree = await treeOf([
      dir('usr'),
      dir('usr/bin'),
      symlink('bin', 'usr/bin'),
      file('bin/perl'),
      hardlink('usr/bin/perl5.36', 'bin/perl'),
      hardlink('bin/perl5', 'usr/bin/perl'),
    ]);
    expect(Object.keys(tree)).toEqual([
      '.',
      'bin',
      'usr',
      'usr/bin',
      'usr/bin/perl',
      'usr/bin/perl5',
      'usr/bin/perl5.36',
    ]);
    expect(tree['usr/bin/perl5']?.sameAs).toBe('usr/bin/perl');
    expect(tree['usr/bin/perl5.36']?.sameAs).toBe('usr/bin/perl');
  });

  it('absolute symlinks as parents, inside the root', async () => {
    const tree = await treeOf([dir('run'), dir('var'), symlink('var/run', '/run'), file('var/run/pid')]);
    expect(tree['var/run']?.link).toBe('/run');
    expect(tree['run/pid']?.type).toBe('file');
  });

  it('a symlink to a directory that only lower layers have', async () => {
    const { directory, impliedDirectories } = await unpackTar(
      rawTar([symlink('lib', 'usr/lib'), file('lib/x')]),
    );
    expect(readTree(directory)['usr/lib/x']?.type).toBe('file');
    expect(impliedDirectories).toEqual(['/', '/usr', '/usr/lib']);
  });

  it('a directory entry over a symlink to a directory, which stays', async () => {
    const tree = await treeOf([
      dir('usr'),
      dir('usr/lib', { mode: 0o750 }),
      symlink('lib', 'usr/lib'),
      dir('lib', { mode: 0o700 }),
      file('lib/x'),
    ]);
    expect(tree.lib?.type).toBe('symlink');
    expect(tree['usr/lib']?.mode).toBe('750');
    expect(tree['usr/lib/x']?.type).toBe('file');
  });

  it('a directory entry over a symlink to nothing, which it replaces', async () => {
    expect((await treeOf([symlink('lib', 'nowhere'), dir('lib')])).lib?.type).toBe('directory');
  });

  it.each([
    ['no prefix', (name: string) => name],
    ['./', (name: string) => `./${name}`],
    ['a slash', (name: string) => `/${name}`],
    ['doubled slashes and dots', (name: string) => `.//./${name.replaceAll('/', '//./')}`],
  ])('names with %s', async (_, prefix) => {
    const tree = await treeOf([
      dir(prefix('d/')),
      file(prefix('d/f'), 'x'),
      hardlink(prefix('d/g'), prefix('d/f')),
    ]);
    expect(Object.keys(tree)).toEqual(['.', 'd', 'd/f', 'd/g']);
  });

  it('missing parents, and says which', async () => {
    const { directory, impliedDirectories } = await unpackTar(
      rawTar([dir('./', { mode: 0o711 }), file('a/b/c'), dir('a/b', { mode: 0o700 })]),
    );
    expect(impliedDirectories).toEqual(['/a']);
    const tree = readTree(directory);
    expect([tree['.']?.mode, tree.a?.mode, tree['a/b']?.mode]).toEqual(['711', '755', '700']);
  });

  it('entries that occur twice: the later one wins', async () => {
    const tree = await treeOf([
      file('file', 'old', { mode: 0o600 }),
      file('file', 'new'),
      dir('to-file'),
      dir('to-file/sub'),
      file('to-file/sub/x'),
      file('to-file'),
      file('to-dir'),
      dir('to-dir', { mode: 0o700 }),
      dir('mode', { mode: 0o700 }),
      file('mode/x'),
      dir('mode', { mode: 0o750 }),
      symlink('link', 'a'),
      symlink('link', 'b'),
    ]);
    expect(tree.file).toMatchObject({ mode: '644' });
    expect(tree['to-file']?.type).toBe('file');
    expect(tree['to-dir']).toMatchObject({ type: 'directory', mode: '700' });
    expect(tree['mode/x']?.type).toBe('file');
    expect(tree.mode?.mode).toBe('750');
    expect(tree.link?.link).toBe('b');
  });

  it('a hard link whose other name is replaced later', async () => {
    const tree = await treeOf([file('a', 'a'), hardlink('b', 'a'), file('a', 'other')]);
    expect(tree.b?.content).not.toBe(tree.a?.content);
  });

  it('a hard link to itself', async () => {
    expect((await treeOf([file('a'), hardlink('a', './a')])).a?.type).toBe('file');
  });

  it('odd modes, owners and times', async () => {
    const tree = await treeOf([
      file('suid', 'x', { mode: 0o4755, uid: 33, gid: 44 }),
      file('sgid', 'x', { mode: 0o2711 }),
      file('none', 'x', { mode: 0 }),
      dir('tmp', { mode: 0o1777 }),
      dir('setgid', { mode: 0o2775, gid: 50 }),
      file('setgid/x'),
      dir('closed', { mode: 0 }),
      file('closed/x'),
      file('old', 'x', { pax: { mtime: '-12345.5' } }),
      file('exact', 'x', { pax: { mtime: '1700000000.123456789' } }),
      file('far', 'x', { pax: { mtime: '9999999999' } }),
      file('big', 'x', { pax: { uid: '4000000', gid: '4000001' } }),
    ]);
    expect(tree.suid).toMatchObject({ mode: '4755', owner: '33:44' });
    expect(tree.sgid?.mode).toBe('2711');
    expect(tree.none?.mode).toBe('0');
    expect(tree.tmp).toMatchObject({ mode: '1777', mtime: 1_600_000_000_000_000_000n });
    expect(tree.setgid).toMatchObject({ mode: '2775', owner: '0:50' });
    expect(tree['setgid/x']?.owner).toBe('0:0');
    expect(tree.closed?.mode).toBe('0');
    expect(tree['closed/x']?.mtime).toBe(1_600_000_000_000_000_000n);
    expect(tree.old?.mtime).toBe(-12_345_500_000_000n);
    expect(tree.exact?.mtime).toBe(1_700_000_000_123_456_789n);
    expect(tree.big?.owner).toBe('4000000:4000001');
  });

  it('an empty archive in all its forms', async () => {
    for (const empty of [Buffer.alloc(0), Buffer.alloc(512), Buffer.alloc(1024), Buffer.alloc(10240)]) {
      const { entries, impliedDirectories } = await unpackTar(empty);
      expect(entries).toBe(0);
      expect(impliedDirectories).toEqual(['/']);
    }
    for (const compress of [gzipSync, zstdCompressSync]) {
      const compression = compress === gzipSync ? 'gzip' : 'zstd';
      await unpackTar(Buffer.alloc(0), { blob: compress(Buffer.alloc(0)), compression });
    }
  });

  it('an archive without an end mark', async () => {
    const { entries } = await unpackTar(rawTar([file('x')], Buffer.alloc(0)));
    expect(entries).toBe(1);
  });

  it('gzip and zstd of several members', async () => {
    const tar = rawTar([file('x', 'abc'.repeat(10_000))]);
    const halves = [tar.subarray(0, 7000), tar.subarray(7000)];
    await unpackTar(tar, { blob: Buffer.concat(halves.map(half => gzipSync(half))), compression: 'gzip' });
    await unpackTar(tar, {
      blob: Buffer.concat(halves.map(half => zstdCompressSync(half))),
      compression: 'zstd',
    });
  });

  it('owners being squashed where there is one id only', async () => {
    const { directory } = await unpackTar(rawTar([file('x', 'x', { uid: 33, gid: 33, mode: 0o4755 })]), {
      owners: 'squash',
    });
    expect(readTree(directory).x).toMatchObject({ owner: '0:0', mode: '4755' });
  });
});

describe('whiteouts', () => {
  it('become what overlayfs understands', async () => {
    const tree = await treeOf([
      dir('d'),
      file('d/.wh..wh..opq', ''),
      file('d/new'),
      file('.wh.gone', ''),
      hardlink('.wh.gone2', '.wh.gone'),
    ]);
    expect(tree.gone).toMatchObject({ type: 'character', device: 0n });
    expect(tree.gone2).toMatchObject({ type: 'character', device: 0n });
    expect(tree.d?.xattrs).toEqual({ 'user.overlay.opaque': '79' });
    expect(tree['d/new']?.type).toBe('file');
  });

  it('make a directory of their own layer opaque, before it or after it', async () => {
    const orders = [
      [file('.wh.d', ''), dir('d'), file('d/x')],
      [dir('d'), file('d/x'), file('.wh.d', '')],
      [file('.wh.d', ''), file('d/x')],
    ];
    for (const entries of orders) {
      const tree = await treeOf(entries);
      expect(tree.d?.xattrs).toEqual({ 'user.overlay.opaque': '79' });
      expect(tree['d/x']?.type).toBe('file');
    }
  });

  it('leave a file of their own layer alone, before it or after it', async () => {
    for (const entries of [
      [file('.wh.f', ''), file('f')],
      [file('f'), file('.wh.f', '')],
    ]) {
      expect((await treeOf(entries)).f?.type).toBe('file');
    }
  });

  it('of a symlink remove the link, not its target', async () => {
    const below = await unpackTar(rawTar([dir('d'), file('d/x'), symlink('l', 'd')]));
    const above = await unpackTar(rawTar([file('.wh.l', '')]));
    const { merged } = overlay([below.directory, above.directory]);
    expect(Object.keys(readTree(merged))).toEqual(['.', 'd', 'd/x']);
  });

  it('of the root are reported, since overlayfs does not look there', async () => {
    expect((await unpackTar(rawTar([file('.wh..wh..opq', '')]))).opaqueRoot).toBe(true);
    expect((await unpackTar(rawTar([file('d/.wh..wh..opq', '')]))).opaqueRoot).toBe(false);
  });

  /** The entries of one layer, in every order in which a directory comes before what it holds. */
  const base = [
    dir('./'),
    dir('a'),
    file('a/x'),
    file('a/y'),
    dir('a/sub'),
    file('a/sub/z'),
    dir('b'),
    file('b/x'),
    file('c'),
  ];
  const changes = fc.shuffledSubarray(
    [
      dir('a', { mode: 0o700 }),
      file('a/new'),
      file('a/x', 'changed'),
      file('.wh.c', ''),
      file('c', 'again'),
      file('b/.wh.x', ''),
      file('b/.wh..wh..opq', ''),
      file('a/.wh.sub', ''),
      file('a/sub/z', 'new'),
      file('.wh.b', ''),
    ],
    { minLength: 1 },
  );

  it.skipIf(lacks('umoci'))('give the same tree as umoci, in whatever order they come', async () => {
    await fc.assert(
      fc.asyncProperty(changes, async entries => {
        // umoci keeps the owner's metadata of a directory that has no entry; overlayfs shows the implied one.
        const layers = [rawTar(base), rawTar([dir('./'), ...withParents(entries)])];
        const unpacked = [];
        for (const layer of layers) unpacked.push((await unpackTar(layer)).directory);
        const { merged } = overlay(unpacked);
        expect(withoutTimes(readTree(merged))).toEqual(withoutTimes(readTree(umociTree(layers))));
      }),
      { numRuns: 25 },
    );
  });
});

/** An entry for each parent, first. */
function withParents(entries: readonly RawEntry[]): RawEntry[] {
  const names = new Set(entries.map(entry => String(entry.name)));
  const parents = ['a', 'b', 'a/sub'].filter(
    parent => !names.has(parent) && entries.some(({ name }) => String(name).startsWith(`${parent}/`)),
  );
  return [...parents.map(parent => dir(parent)), ...entries];
}

describe('what GNU tar writes', () => {
  /** A tree with everything that a file system can hold. */
  function richTree(): string {
    const root = join(scratch(), 'rich');
    execFileSync('bash', [
      '-euc',
      `
      mkdir -p '${root}' && cd '${root}'
      mkdir -p dir/sub empty "$(printf 'latin1-\\xe9')" 'with space' "uml\\303\\244ut"
      echo hello > dir/file; ln dir/file dir/hard; ln -s dir/file soft; ln -s /absolute/target abs; ln soft softhard
      printf x > "$(printf 'latin1-\\xe9/f\\xff')"; printf 'x\\ny' > "$(printf 'new\\nline')"
      mkfifo fifo; mknod char c 1 3; mknod block b 8 1
      chmod 4755 dir/file; chmod 1777 empty; chmod 0 dir/sub
      chown 1000:1001 soft -h; chown 33:44 dir
      setfattr -n user.text -v value dir/file; setfattr -n user.bin -v 0x00ff0a dir
      setfacl -m u:1000:rwx dir/hard; setfacl -d -m g:1001:rx dir
      cp /bin/true cap; setcap cap_net_raw+ep cap
      truncate -s 3M sparse; printf data | dd of=sparse bs=1 seek=1000000 conv=notrunc status=none
      printf tail | dd of=sparse bs=1 seek=2999996 conv=notrunc status=none; truncate -s 4M sparse
      truncate -s 1M hole
      d=$(printf 'd%.0s' {1..90}); mkdir -p "$d/$d/$d"; echo deep > "$d/$d/$d/$d"
      ln -s "$d/$d/$d/$d" longlink; ln "$d/$d/$d/$d" longhard
      touch -d '1965-01-02 03:04:05' old; touch -d '2100-01-01' far; touch -d '2023-11-14 22:13:20.123456789' exact
      touch -h -d @1600000000 soft
      touch -d @1500000000 dir empty .
    `,
    ]);
    return root;
  }

  const programs = ['tar', 'setfacl', 'setcap', 'setfattr'];
  const everything = '--xattrs --xattrs-include=* --numeric-owner';

  it.skipIf(lacks(...programs)).each([
    ['PAX', `tar ${everything} --format=posix`, () => true],
    [
      'PAX with sparse files 0.0',
      `tar ${everything} --format=posix --sparse --sparse-version=0.0`,
      () => true,
    ],
    [
      'PAX with sparse files 0.1',
      `tar ${everything} --format=posix --sparse --sparse-version=0.1`,
      () => true,
    ],
    [
      'PAX with sparse files 1.0',
      `tar ${everything} --format=posix --sparse --sparse-version=1.0`,
      () => true,
    ],
    ['GNU', 'tar --numeric-owner --format=gnu', () => false],
    ['GNU with sparse files', 'tar --numeric-owner --format=gnu --sparse', () => false],
    ['old GNU', 'tar --numeric-owner --format=oldgnu', () => false],
  ])('is unpacked as it was, in format %s', async (_, command, exact) => {
    const root = richTree();
    const tar = execFileSync('bash', ['-c', `${command} -C ${root} -c .`], { maxBuffer: 1 << 28 });
    const { directory, warnings } = await unpackTar(tar);
    expect(warnings).toEqual([]);
    const [wanted, got] = [readTree(root), readTree(directory)];
    if (exact()) expect(got).toEqual(wanted);
    else expect(coarse(got)).toEqual(coarse(wanted));
    const size = execFileSync('du', ['-k', join(directory, 'sparse')], { encoding: 'utf8' });
    if (command.includes('--sparse')) expect(Number.parseInt(size, 10)).toBeLessThan(100);
  });

  it.skipIf(lacks('bsdtar', ...programs))('and what bsdtar writes is unpacked as it was', async () => {
    const root = richTree();
    const archive = join(scratch(), 'a.tar');
    // Its extended headers cannot hold names that are not UTF-8, and it writes ACLs as text, which ashlar does not read.
    execFileSync('bash', [
      '-euc',
      `rm -r '${root}'/latin1-*; setfacl -R -b '${root}'; touch -d @1500000000 '${root}'; LC_ALL=C.UTF-8 bsdtar --format=pax -C ${root} -cf ${archive} .`,
    ]);
    const { directory } = await unpackTar(execFileSync('cat', [archive], { maxBuffer: 1 << 28 }));
    expect(readTree(directory)).toEqual(readTree(root));
  });

  it.skipIf(lacks('bsdtar'))('in the formats before ustar, too', async () => {
    const root = scratch();
    execFileSync('bash', ['-euc', `cd ${root}; mkdir d; echo x > d/f; ln d/f d/h; ln -s f d/s`]);
    for (const command of [
      'tar --format=v7 --numeric-owner',
      'bsdtar --format=v7',
      'bsdtar --format=ustar',
      'bsdtar --format=gnutar',
      'tar --format=ustar --numeric-owner',
    ]) {
      const { directory } = await unpackTar(execFileSync('bash', ['-c', `${command} -C ${root} -cf - .`]));
      expect(coarse(readTree(directory))).toEqual(coarse(readTree(root)));
    }
  });

  it('with a global header is unpacked without it', async () => {
    const tar = rawTar([
      {
        name: 'pax_global_header',
        type: 'g',
        content: '52 comment=0123456789012345678901234567890123456789\n',
      },
      file('x'),
    ]);
    const { directory } = await unpackTar(tar);
    expect(Object.keys(readTree(directory))).toEqual(['.', 'x']);
  });

  it.skipIf(lacks('umoci', ...programs))('gives the tree that umoci makes of it', async () => {
    const root = richTree();
    const tar = execFileSync('bash', ['-c', `tar ${everything} --format=posix -C ${root} -c .`], {
      maxBuffer: 1 << 28,
    });
    writeFileSync(join(scratch(), 'x'), '');
    const { directory } = await unpackTar(tar);
    expect(readTree(directory)).toEqual(readTree(umociTree([tar])));
  });
});

/** Whole seconds, no attributes: what the formats without extended headers keep. */
function coarse(tree: ReturnType<typeof readTree>): unknown {
  return Object.fromEntries(
    Object.entries(tree).map(([path, { xattrs: _, mtime, ...entry }]) => [
      path,
      { ...entry, mtime: mtime / 1_000_000_000n },
    ]),
  );
}
