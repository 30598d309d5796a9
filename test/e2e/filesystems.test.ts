import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { busyboxRoot, toolbox } from './roots.ts';
import { execute } from './support.ts';
import { DESCRIBE, parseDescription } from './trees.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
/** A plain user that needs no account here: the namespaces of the tests have account files of their own. */
const USER = 54_321;

interface FileSystem {
  readonly name: string;
  /** Makes one in the file $image and mounts it on $disk; ends with 77 where this machine cannot. */
  readonly mount: string;
  readonly maker?: string;
}

const loop = 'mount -o loop,noatime "$image" "$disk" || exit 77';
const fileSystems: readonly FileSystem[] = [
  { name: 'ext4', maker: 'mkfs.ext4', mount: `mkfs.ext4 -q "$image"; ${loop}` },
  { name: 'xfs', maker: 'mkfs.xfs', mount: `mkfs.xfs -q "$image"; ${loop}` },
  { name: 'btrfs', maker: 'mkfs.btrfs', mount: `mkfs.btrfs -q "$image"; ${loop}` },
  { name: 'tmpfs', mount: 'mount -t tmpfs -o mode=755 none "$disk"' },
];

describe.skipIf(!isRoot || !has('umoci', 'busybox', 'setfattr', 'newuidmap', 'setpriv'))(
  'with store and roots on',
  () => {
    let directory: string;
    beforeAll(() => {
      // Not in a workspace: a plain user must get in here.
      directory = mkdtempSync(join(tmpdir(), 'ashlar-disks-'));
      execFileSync('chmod', ['755', directory]);
      busyboxRoot(directory);
      toolbox(join(directory, 'tools'), 'setfattr');
      writeFileSync(join(directory, 'stacker.yaml'), JSON.stringify(file));
      for (const kind of ['subuid', 'subgid']) writeFileSync(join(directory, kind), `${USER}:600000:65536\n`);
      writeFileSync(
        join(directory, 'passwd'),
        `root:x:0:0:root:/root:/bin/sh\nplain:x:${USER}:${USER}::/nowhere:/bin/sh\n`,
      );
      mkdirSync(join(directory, 'checkout'));
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    const file = {
      base: {
        from: { type: 'tar', url: '../busybox.tar' },
        imports: ['../tools'],
        run: [
          'mkdir -p /gone /again/deep; touch /gone/a /again/deep/old /again/older /file',
          'for name in user.kept user.second; do /stacker/imports/tools/setfattr -n $name -v "of $name" /file; done',
          'chown 1000:1000 /file; chmod 4755 /file; ln /file /linked; mkdir -m 500 /closed; touch /closed/f',
        ],
      },
      changed: {
        from: { type: 'built', tag: 'base' },
        run: [
          'rm -r /gone /again; mkdir /again; echo new >/again/new; rm /etc/passwd',
          'mv /usr /moved; chmod 000 /closed/f; echo more >>/file; chmod 4755 /file',
        ],
      },
      seen: {
        from: { type: 'built', tag: 'changed' },
        run: '#!/bin/sh\nfind /again /moved /gone 2>&1; ls -ln /file',
      },
    };

    /** Where everything happens: the disk is mounted, whoever builds owns it, and all is gone with the namespace. */
    const setting = (mount: string, as: string) => `
    set -e
    cd "$1"
    image=$(mktemp "$1/image-XXXXXX"); disk=$(mktemp -d "$1/disk-XXXXXX"); truncate -s 400M "$image"
    trap 'cd /; umount "$disk" 2>/dev/null || true; rm -rf "$image" "$disk"' EXIT
    { ${mount}; } >&2
    mount --bind "$2" checkout
    for f in subuid subgid passwd; do touch /etc/$f; mount --bind $f /etc/$f; done
    mkdir "$disk/project" "$disk/home"; cp -r stacker.yaml "$disk/project/"; cp -r busybox.tar tools "$disk/"
    chown -R ${as === '' ? '0:0' : `${USER}:${USER}`} "$disk/project" "$disk/home"; chmod 755 "$disk"
    cd "$disk/project"
    ashlar="${as} env HOME=$disk/home $1/checkout/bin/ashlar --store $disk/project/store"
    $ashlar build >&2
    $ashlar build >"$disk/again" 2>&1 || { cat "$disk/again" >&2; exit 1; }
    grep -c '^found cached layer' "$disk/again" >&2 || { cat "$disk/again" >&2; exit 1; }
    umoci unpack --image oci:changed "$disk/bundle" >&2
    sh -c 'TOOLS=; ${DESCRIBE.replaceAll("'", `'"'"'`)}' describe "$disk/bundle/rootfs"
    $ashlar gc --all >&2
    $ashlar clean >&2
    ls -A >&2
  `;

    async function buildOn({ name, mount }: FileSystem, as: string) {
      const { status, stdout, stderr } = await execute('unshare', [
        ...['--mount', '--propagation=private', 'sh', '-c', setting(mount, as), name, directory, repository],
      ]);
      if (status === 77) return undefined;
      expect(status, stderr).toBe(0);
      return { tree: parseDescription(stdout), stderr };
    }

    const builders = [
      ['root', ''],
      ['a plain user', `setpriv --reuid ${USER} --regid ${USER} --clear-groups`],
    ] as const;
    const cases = fileSystems.flatMap(fileSystem =>
      builders.map(([who, as]) => ({ fileSystem, name: fileSystem.name, who, as })),
    );

    it.for(cases)(
      '$name, $who builds and cleans, and others read what it built',
      async ({ fileSystem, as }, { skip }) => {
        if (fileSystem.maker !== undefined && !has(fileSystem.maker)) return;
        const built = await buildOn(fileSystem, as);
        if (!built) return skip(`this machine cannot mount ${fileSystem.name}`);
        const { tree, stderr } = built;
        expect(Object.keys(tree)).toEqual(
          expect.arrayContaining(['./again', './again/new', './moved/share', './linked']),
        );
        for (const name of ['./gone', './again/deep', './again/older', './etc/passwd', './usr'])
          expect(tree).not.toHaveProperty([name]);
        expect(tree['./file']).toMatchObject({
          mode: '4755',
          owner: '1000:1000',
          xattrs: { 'user.kept': expect.anything(), 'user.second': expect.anything() },
        });
        expect(tree['./closed']).toMatchObject({ type: 'd', mode: '500', owner: '0:0' });
        expect(tree['./closed/f']).toMatchObject({ mode: '0' });
        expect(stderr).toMatch(/^3$/m);
        expect(stderr).toMatch(/unpacked layers\), 0 B are left in /);
        expect(stderr).toMatch(/\nstacker\.yaml\nstore\n$/);
      },
    );

    it('one without extended attributes, says so', async () => {
      const { stderr } = await execute('unshare', [
        ...[
          '--mount',
          '--propagation=private',
          'sh',
          '-c',
          setting('mount -t ramfs none "$disk"', ''),
          'ramfs',
        ],
        ...[directory, repository],
      ]);
      expect(stderr).toMatch(
        /error: the file system of \/\S+ has no extended attributes of users \(user_xattr\)\n/,
      );
      expect(stderr).toContain('choose a directory on another one with --store');
      expect(existsSync(join(directory, 'checkout/bin'))).toBe(false);
    });
  },
);
