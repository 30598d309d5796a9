import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostFiles, ParentDirectory } from '../../src/layers/index.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { packTar, readTree, scratch, sh, unpackTar } from './support.ts';

function host(): string {
  const root = scratch();
  sh(
    `mkdir -p d/sub; chmod 750 d; echo hi > f; chmod 640 f; chown 7:8 f; echo x > d/x; ln d/x d/sub/y; ln -s ../nowhere d/link
     setfattr -n user.mine -v 1 f; setfattr -n user.mine -v 2 d; touch -d @1000 f d/x; touch -d @2000 d`,
    root,
  );
  return root;
}

async function packed(
  entries: readonly (Partial<HostFiles> & Pick<HostFiles, 'source' | 'target'>)[],
  parents: readonly ParentDirectory[] = [],
  sourceDateEpoch?: number,
) {
  const full = entries.map(entry => ({ keep: 'content' as const, uid: 0, gid: 0, ...entry }));
  const layer = await packTar(
    { kind: 'files', entries: full, parents },
    sourceDateEpoch === undefined ? {} : { sourceDateEpoch },
  );
  if (layer === undefined) throw new Error('no layer');
  const names = execFileSync('tar', ['-tPf', '-'], { input: layer.tar, encoding: 'utf8' }).trim().split('\n');
  const { directory, impliedDirectories } = await unpackTar(layer.tar);
  return { layer, names, tree: readTree(directory), impliedDirectories };
}

describe('host files', () => {
  it('go where they are told, with parents of mode 0755', async () => {
    const { names, tree } = await packed([{ source: `${host()}/f`, target: '/usr/share/doc/g' }]);
    expect(names).toEqual(['usr/', 'usr/share/', 'usr/share/doc/', 'usr/share/doc/g']);
    expect(tree.usr).toMatchObject({ mode: '755', owner: '0:0', mtime: 0n });
    expect(tree['usr/share/doc/g']).toMatchObject({ mode: '640', owner: '0:0', mtime: 0n });
    expect(tree['usr/share/doc/g']?.xattrs).toBeUndefined();
  });

  it('take mode and owner as asked, also of directories and links', async () => {
    const { tree } = await packed([{ source: `${host()}/d/`, target: '/d', mode: 0o600, uid: 33, gid: 44 }]);
    expect(tree.d).toMatchObject({ mode: '755', owner: '33:44' });
    expect(tree['d/sub']).toMatchObject({ mode: '755', owner: '33:44' });
    expect(tree['d/sub/y']).toMatchObject({ mode: '600', owner: '33:44' });
    expect(tree['d/x']?.sameAs).toBe('d/sub/y');
    expect(tree['d/link']).toMatchObject({ type: 'symlink', link: '../nowhere', owner: '33:44' });
  });

  it('keep everything but the owner when asked', async () => {
    const { tree } = await packed([{ source: `${host()}/d`, target: '/', keep: 'all' }]);
    expect(tree['.']).toMatchObject({
      mode: '750',
      mtime: 2_000_000_000_000n,
      xattrs: { 'user.mine': '32' },
    });
    expect(tree.x).toMatchObject({ owner: '0:0', mtime: 1_000_000_000_000n });
  });

  it('keep permissions and attributes, and no times, of what a directory holds', async () => {
    const root = host();
    sh('chmod 700 d/sub; setfattr -n user.mine -v 3 d/x; setfattr -n user.mine -v 4 d/sub', root);
    const { tree } = await packed([{ source: `${root}/d`, target: '/t', keep: 'attributes' }]);
    expect(tree.t).toMatchObject({ mode: '755', mtime: 0n });
    expect(tree.t).not.toHaveProperty('xattrs');
    expect(tree['t/sub']).toMatchObject({ mode: '700', mtime: 0n, xattrs: { 'user.mine': '34' } });
    expect(tree['t/x']).toMatchObject({ mtime: 0n, xattrs: { 'user.mine': '33' } });
    const { tree: alone } = await packed([{ source: `${root}/f`, target: '/f', keep: 'attributes' }]);
    expect(alone.f).toMatchObject({ mode: '640', mtime: 0n, xattrs: { 'user.mine': '31' } });
  });

  it('of several sources share their directories, and the later ones win', async () => {
    const root = host();
    const { names, tree } = await packed([
      { source: `${root}/d`, target: '/t', keep: 'attributes' },
      { source: `${root}/f`, target: '/new/dir/f' },
      { source: `${root}/f`, target: '/new/dir/g', mode: 0o600 },
      { source: `${root}/d/x`, target: '/new/dir/g' },
      { source: `${root}/f`, target: '/t/sub/y', uid: 5 },
      { source: `${root}/d/sub`, target: '/t/sub' },
    ]);
    const expected = [
      'new/',
      'new/dir/',
      'new/dir/f',
      'new/dir/g',
      't/',
      't/link',
      't/sub/',
      't/sub/y',
      't/x',
    ];
    expect(names.toSorted()).toEqual([...expected, 't/sub/y'].sort());
    expect(tree['new/dir/g']).toMatchObject({ mode: '644', content: tree['t/x']?.content });
    // The last directory has the file, too.
    expect(tree['t/sub/y']).toMatchObject({ owner: '0:0', content: tree['t/x']?.content });
    expect(tree['t/x']).not.toHaveProperty('sameAs');
  });

  it('leave out what a later file takes the place of, and keep its other names', async () => {
    const root = host();
    const { names, tree } = await packed([
      { source: `${root}/d`, target: '/t' },
      { source: `${root}/f`, target: '/t/sub/y' },
    ]);
    expect(names.toSorted()).toEqual(['t/', 't/link', 't/sub/', 't/sub/y', 't/x']);
    expect(tree['t/sub/y']?.content).not.toBe(tree['t/x']?.content);
    await expect(
      packed([
        { source: `${root}/d`, target: '/t' },
        { source: `${root}/f`, target: '/t/sub' },
      ]),
    ).rejects.toThrow('"t/sub" is to be a directory and something else in one layer');
    await expect(
      packed([
        { source: `${root}/d`, target: '/t' },
        { source: `${root}/f`, target: '/t/link/f' },
      ]),
    ).rejects.toThrow('"t/link" is to be a directory and something else in one layer');
  });

  it('keep what lower layers say of their parents', async () => {
    const parent: ParentDirectory = {
      path: '/opt/app',
      mode: 0o1770,
      uid: 5,
      gid: 6,
      mtime: 7_000_000_000n,
      xattrs: [{ name: 'user.base', value: Buffer.from('b') }],
    };
    const root = { ...parent, path: '/', mode: 0o711 };
    const { names, tree, impliedDirectories } = await packed(
      [{ source: `${host()}/d`, target: '/opt/app' }],
      [parent, root],
    );
    expect(names.slice(0, 3)).toEqual(['/', 'opt/', 'opt/app/']);
    expect(tree['opt/app']).toMatchObject({
      mode: '1770',
      owner: '5:6',
      mtime: 7_000_000_000n,
      xattrs: { 'user.base': '62' },
    });
    expect(tree['.']?.mode).toBe('711');
    expect(impliedDirectories).toEqual([]);
  });

  it('get the epoch as their time, or at most the epoch', async () => {
    const source = `${host()}/d`;
    expect((await packed([{ source, target: '/d' }], [], 1500)).tree['d/x']?.mtime).toBe(1_500_000_000_000n);
    const all = (await packed([{ source, target: '/d', keep: 'all' }], [], 1500)).tree;
    expect([all['d/x']?.mtime, all.d?.mtime]).toEqual([1_000_000_000_000n, 1_500_000_000_000n]);
  });

  it('are the same bytes wherever and whenever they come from', async () => {
    const [a, b] = [host(), host()];
    const layers = [
      await packed([{ source: `${a}/d`, target: '/d' }]),
      await packed([{ source: `${b}/d`, target: '/d' }]),
    ];
    expect(layers[0]?.layer.diffId).toBe(layers[1]?.layer.diffId);
  });

  it('are links when they are links, even when the target is missing', async () => {
    const root = host();
    symlinkSync('/nowhere', join(root, 'dangling'));
    const { tree } = await packed([{ source: join(root, 'dangling'), target: '/l' }]);
    expect(tree.l).toMatchObject({ type: 'symlink', link: '/nowhere' });
  });

  it('are found through links in their parents', async () => {
    const root = host();
    symlinkSync('d', join(root, 'via'));
    expect((await packed([{ source: join(root, 'via/x'), target: '/x' }])).tree.x?.type).toBe('file');
  });

  it.each([
    ['a FIFO', 'mkfifo it', 'neither a file nor a directory'],
    ['a device', 'mknod it c 1 5', 'neither a file nor a directory'],
    ['nothing', 'true', 'cannot read'],
  ])('are refused when the source is %s', async (_, script, message) => {
    const root = scratch();
    sh(script, root);
    const refusal = packed([{ source: join(root, 'it'), target: '/x' }]);
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toBeInstanceOf(AshlarError);
  });

  it('are refused when they would delete something', async () => {
    const root = scratch();
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd/.wh.passwd'), '');
    await expect(packed([{ source: join(root, 'd'), target: '/etc' }])).rejects.toThrow(
      'cannot be kept in a layer',
    );
    await expect(packed([{ source: join(root, 'd/.wh.passwd'), target: '/x' }])).resolves.toBeDefined();
  });

  it('are refused when they grow or shrink while they are read', async () => {
    // Sizes in /proc and /sys are made up: too small there, too large here.
    for (const source of ['/proc/version', '/sys/devices/system/cpu/online']) {
      await expect(packed([{ source, target: '/x' }])).rejects.toThrow('changed while it was read');
    }
  });

  it('are refused when a file would be the root', async () => {
    await expect(packed([{ source: `${host()}/f`, target: '/' }])).rejects.toThrow(
      'cannot take the place of the root',
    );
  });

  it('give nothing away when they are swapped for links while they are read', async () => {
    const root = scratch();
    mkdirSync(join(root, 'secret'));
    writeFileSync(join(root, 'secret/f'), 'SECRET');
    const swapper = spawn(
      'bash',
      [
        '-c',
        'while :; do mkdir s; echo open > s/f; rm -r s; ln -s secret s; rm s; mkdir s; ln -s ../secret/f s/f; rm -r s; done 2>/dev/null',
      ],
      { cwd: root },
    );
    let packs = 0;
    try {
      for (let i = 0; i < 150; i++) {
        const layer = await packTar({
          kind: 'files',
          parents: [],
          entries: [{ source: join(root, 's'), target: '/s', keep: 'content', uid: 0, gid: 0 }],
        }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(AshlarError);
        });
        if (layer) packs++;
        expect(layer?.tar.includes('SECRET')).not.toBe(true);
      }
    } finally {
      swapper.kill();
    }
    expect(packs).toBeGreaterThan(0);
  });
});
