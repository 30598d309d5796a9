/** What happened in an overlay mount, as a layer: real mounts, and umoci as the judge of the result. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AshlarError } from '../../src/support/errors.ts';
import {
  dir,
  file,
  hardlink,
  lacks,
  overlay,
  packTar,
  type RawEntry,
  rawTar,
  readTree,
  scratch,
  sh,
  symlink,
  type TreeEntry,
  umociTree,
  unpackTar,
  withoutTimes,
} from './support.ts';

const base: readonly RawEntry[] = [
  dir('./'),
  dir('etc', { mode: 0o750, uid: 5 }),
  file('etc/conf', 'old'),
  file('etc/other'),
  dir('usr'),
  dir('usr/lib'),
  dir('usr/lib/deep'),
  file('usr/lib/deep/x'),
  file('usr/lib/a'),
  symlink('lib', 'usr/lib'),
  dir('empty'),
  file('one', 'linked'),
  hardlink('two', 'one'),
];

/** Runs a script in an overlay over the layers; returns the names in the layer that it makes, and its tar. */
async function changes(script: string, layers: readonly (readonly RawEntry[])[] = [base]) {
  const lowers: string[] = [];
  for (const layer of layers) lowers.push((await unpackTar(rawTar(layer))).directory);
  const { merged, upper } = overlay(lowers);
  sh(script, merged);
  const packed = await packTar({ kind: 'upper', directory: upper, lowers });
  const names = packed === undefined ? [] : list(packed.tar);
  return { names, packed, merged, upper, lowers, tar: packed?.tar ?? Buffer.alloc(1024) };
}

function list(tar: Buffer): string[] {
  return execFileSync('tar', ['-tPf', '-'], { input: tar, encoding: 'utf8' }).trim().split('\n');
}

describe('an upper directory', () => {
  it('without changes makes no layer and no file', async () => {
    const { directory } = await unpackTar(rawTar(base));
    const { merged, upper } = overlay([directory]);
    sh('cat etc/conf; ls -R; touch new; rm new', merged);
    const output = join(scratch(), 'blob');
    expect(await packTar({ kind: 'upper', directory: upper }, { output })).toBeUndefined();
    expect(existsSync(output)).toBe(false);
  });

  it('gives the root first, directories before what they hold, in the order of bytes', async () => {
    const { names } = await changes('mkdir -p b/c a.d a; touch a/z b/c/x a.d/y a-b a0 Z');
    expect(names).toEqual(
      ['/', 'Z', 'a/', 'a/z', 'a-b', 'a.d/', 'a.d/y', 'a0', 'b/', 'b/c/', 'b/c/x'].toSorted(asWalked),
    );
  });

  it('gives copied-up directories with the metadata that they have', async () => {
    const { names, tar } = await changes('echo new > etc/conf');
    expect(names).toEqual(['/', 'etc/', 'etc/conf']);
    const { directory } = await unpackTar(tar);
    expect(readTree(directory).etc).toMatchObject({ mode: '750', owner: '5:0' });
  });

  it('turns what was deleted into whiteouts, which come before their siblings', async () => {
    const { names } = await changes('rm etc/conf; touch etc/-first; rm -r usr/lib/deep; rm lib');
    expect(names).toEqual([
      '/',
      '.wh.lib',
      'etc/',
      'etc/.wh.conf',
      'etc/-first',
      'usr/',
      'usr/lib/',
      'usr/lib/.wh.deep',
    ]);
  });

  it('has no marks for new directories, and one for a directory that was made again', async () => {
    const { names } = await changes('mkdir -p new/sub; touch new/sub/x; rm -r etc; mkdir etc; touch etc/new');
    expect(names).toEqual(['/', 'etc/', 'etc/.wh..wh..opq', 'etc/new', 'new/', 'new/sub/', 'new/sub/x']);
  });

  it('hides nothing of other layers once it is tidy', async () => {
    const { directory } = await unpackTar(rawTar(base));
    const { merged, upper } = overlay([directory]);
    sh('mkdir -p new/sub; touch new/sub/mine; rm -r etc; mkdir etc', merged);
    // With some options the kernel does that, as it does with `etc`.
    sh('setfattr -n user.overlay.opaque -v y new; setfattr -n user.overlay.opaque -v y new/sub', upper);
    await packTar({ kind: 'upper', directory: upper, lowers: [directory], tidy: true });
    const other = await unpackTar(
      rawTar([dir('new'), dir('new/sub'), file('new/sub/other'), file('etc/other')]),
    );
    const stacked = overlay([directory, other.directory, upper]).merged;
    expect(sh('ls new/sub', stacked)).toBe('mine\nother\n');
    expect(sh('ls etc', stacked)).toBe('');
  });

  it('without knowledge of the lower directories keeps every mark', async () => {
    const { directory } = await unpackTar(rawTar(base));
    const { merged, upper } = overlay([directory]);
    sh('rm -r etc; mkdir etc', merged);
    const packed = await packTar({ kind: 'upper', directory: upper });
    expect(list(packed?.tar ?? Buffer.alloc(0))).toEqual(['/', 'etc/', 'etc/.wh..wh..opq']);
  });

  it('hides nothing that only a deleted lower layer had', async () => {
    const { names } = await changes('mkdir d; touch d/x', [[dir('d'), file('d/old')], [file('.wh.d', '')]]);
    expect(names).toEqual(['/', 'd/', 'd/x']);
  });

  it('records a write through a symlinked directory at its target', async () => {
    expect((await changes('touch lib/new')).names).toEqual(['/', 'usr/', 'usr/lib/', 'usr/lib/new']);
  });

  it('leaves out what its maker put there', async () => {
    const { upper } = await changes(
      'mkdir -p stacker/imports etc/x; touch stacker/imports/f etc/resolv.conf etc/mine',
    );
    const packed = await packTar({
      kind: 'upper',
      directory: upper,
      lowers: [],
      exclude: ['/stacker', '/etc/resolv.conf', '/etc/x'],
    });
    expect(list(packed?.tar ?? Buffer.alloc(0))).toEqual(['/', 'etc/', 'etc/mine']);
    const nothing = await packTar({ kind: 'upper', directory: upper, exclude: ['/stacker', '/etc/'] });
    expect(nothing).toBeUndefined();
  });

  it('keeps hard links, attributes, capabilities, ACLs and devices', async () => {
    const { tar, upper } = await changes(`
      echo x > a; ln a b; mkdir d; ln a d/c
      setfattr -n user.mine -v 1 a; setfattr -n user.dir -v 2 d; setfacl -m u:1000:rw b
      cp /bin/true cap; setcap cap_net_raw+ep cap; mknod null c 1 3; mkfifo pipe; ln -s a s; chown -h 7:8 s`);
    const got = readTree((await unpackTar(tar)).directory);
    const wanted = readTree(upper);
    for (const entry of Object.values(wanted)) {
      for (const name of Object.keys(entry.xattrs ?? {})) {
        if (name.startsWith('user.overlay.')) delete (entry.xattrs as Record<string, string>)[name];
      }
    }
    const plain = (tree: Record<string, TreeEntry>) =>
      Object.entries(withoutTimes(tree)).map(([path, { xattrs = {}, ...entry }]) => ({
        path,
        ...entry,
        xattrs,
      }));
    expect(plain(got)).toEqual(plain(wanted));
    expect(got['d/c']?.sameAs).toBe('a');
  });

  it('drops labels of the host security policy', async () => {
    const { tar } = await changes(
      'touch f; setfattr -n security.selinux -v label f; setfattr -n security.other -v kept f',
    );
    expect(Object.keys(readTree((await unpackTar(tar)).directory).f?.xattrs ?? {})).toEqual([
      'security.other',
    ]);
  });

  it('skips sockets with a warning', async () => {
    const { directory } = await unpackTar(rawTar(base));
    const { upper } = overlay([directory]);
    const server = createServer().listen(join(upper, 'socket'));
    writeFileSync(join(upper, 'file'), 'x');
    const packed = await packTar({ kind: 'upper', directory: upper });
    server.close();
    expect(packed?.warnings).toEqual(['a socket was left out: "socket"']);
    expect(list(packed?.tar ?? Buffer.alloc(0))).toEqual(['/', 'file']);
  });

  it('refuses names that would delete files, and marks that lead elsewhere', async () => {
    const upper = scratch();
    writeFileSync(join(upper, '.wh.passwd'), '');
    await expect(packTar({ kind: 'upper', directory: upper })).rejects.toThrow(
      '".wh.passwd" cannot be kept in a layer',
    );
    const redirected = scratch();
    mkdirSync(join(redirected, 'd'));
    sh('setfattr -n user.overlay.redirect -v /etc d', redirected);
    await expect(packTar({ kind: 'upper', directory: redirected })).rejects.toThrow(AshlarError);
  });

  it('sets later times back to the epoch, and only those', async () => {
    const upper = scratch();
    sh('touch -d @1000.9 early; touch -d @3000000000 late; ln -s x link; mkdir d', upper);
    const packed = await packTar({ kind: 'upper', directory: upper }, { sourceDateEpoch: 2000 });
    const tree = readTree((await unpackTar(packed?.tar ?? Buffer.alloc(0))).directory);
    expect(Object.entries(tree).map(([path, { mtime }]) => [path, mtime])).toEqual([
      ['.', 2_000_000_000_000n],
      ['d', 2_000_000_000_000n],
      ['early', 1_000_000_000_000n],
      ['late', 2_000_000_000_000n],
      ['link', 2_000_000_000_000n],
    ]);
  });

  it('writes sparse files in full', async () => {
    const upper = scratch();
    sh(
      'truncate -s 3M s; printf data | dd of=s bs=1 seek=2000000 conv=notrunc status=none; truncate -s 1M hole',
      upper,
    );
    const packed = await packTar({ kind: 'upper', directory: upper });
    const { directory } = await unpackTar(packed?.tar ?? Buffer.alloc(0));
    expect(readTree(directory).s?.content).toBe(readTree(upper).s?.content);
    expect(packed?.uncompressedSize).toBeGreaterThan(4 << 20);
  });

  it.skipIf(lacks('umoci'))('on top of its base is the merged tree, for umoci, too', async () => {
    const path = fc.constantFrom(
      'etc',
      'etc/conf',
      'usr/lib',
      'usr/lib/deep',
      'usr/lib/deep/x',
      'lib/a',
      'lib',
      'new',
      'new/x',
      'empty',
      'one',
      'two',
    );
    const command = fc.oneof(
      path.map(p => `rm -rf ${p}`),
      path.map(p => `mkdir -p ${p}`),
      path.map(p => `echo changed > ${p}`),
      path.map(p => `chmod 700 ${p}`),
      fc.tuple(path, path).map(([a, b]) => `mv -T ${a} ${b}`),
      fc.tuple(path, path).map(([a, b]) => `ln -f ${a} ${b}`),
      fc.tuple(path, path).map(([a, b]) => `ln -sfn ${a} ${b}`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 8 }), async commands => {
        const { tar, merged } = await changes(
          `exec 2>/dev/null\n${commands.map(c => `${c} || true`).join('\n')}`,
        );
        // Overlayfs gives hard links that it copied up different inode numbers.
        const names = (tree: Record<string, TreeEntry>) =>
          Object.entries(withoutTimes(tree)).map(([path, { sameAs: _, ...entry }]) => ({ path, ...entry }));
        expect(names(readTree(umociTree([rawTar(base), tar])))).toEqual(names(readTree(merged)));
      }),
      { numRuns: 25 },
    );
  });
});

/** A directory's content follows it directly. */
function asWalked(a: string, b: string): number {
  const [x, y] = [a.split('/'), b.split('/')];
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return (x[i] ?? '') < (y[i] ?? '') ? -1 : 1;
  }
  return x.length - y.length;
}
