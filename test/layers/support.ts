/** What the tests of the layers share: hand-made tar archives, trees as plain data, other tools as oracles. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Limits } from '../../src/layers/index.ts';
import { type PackedLayer, type PackJob, type PackOptions, pack } from '../../src/layers/pack.ts';
import { type UnpackedLayer, unpack } from '../../src/layers/unpack.ts';
import { getXattr, listXattrs } from '../../src/linux/index.ts';
import { findProgram } from '../../src/support/process.ts';

/** Whether the test must be skipped because a program is missing; never where CI is set. */
export function lacks(...programs: string[]): boolean {
  const missing = programs.filter(program => findProgram(program) === undefined);
  if (missing.length === 0 || process.env.CI) return false;
  console.warn(`skipped: needs ${missing.join(', ')}`);
  return true;
}

/** A new directory that goes away with the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-layers-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** An entry of a hand-made archive: as wrong as one likes. */
export interface RawEntry {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly link?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** In the header, where it differs from the content's. */
  readonly size?: number | string | Buffer;
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  readonly magic?: string;
}

export function rawTar(entries: readonly RawEntry[], end: Buffer = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...entries.flatMap(rawEntry), end]);
}

export function rawEntry(entry: RawEntry): Buffer[] {
  const blocks: Buffer[] = [];
  if (entry.pax !== undefined)
    blocks.push(...rawEntry({ name: 'pax', type: 'x', content: paxRecords(entry.pax) }));
  const content = Buffer.from(entry.content ?? '');
  const header = Buffer.alloc(512);
  Buffer.from(entry.name).copy(header, 0, 0, 100);
  header.write(octal(entry.mode ?? 0o644, 7), 100);
  header.write(octal(entry.uid ?? 0, 7), 108);
  header.write(octal(entry.gid ?? 0, 7), 116);
  const size = entry.size ?? content.length;
  if (typeof size === 'number') header.write(octal(size, 11), 124);
  else Buffer.from(size).copy(header, 124, 0, 12);
  header.write(octal(entry.mtime ?? 1_600_000_000, 11), 136);
  header.write(entry.type ?? '0', 156);
  Buffer.from(entry.link ?? '').copy(header, 157, 0, 100);
  header.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  header.write(octal(entry.major ?? 0, 7), 329);
  header.write(octal(entry.minor ?? 0, 7), 337);
  seal(header);
  blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  return blocks;
}

/** Puts the checksum into a header block. */
export function seal(header: Buffer): Buffer {
  header.write('        ', 148);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
    'latin1',
  );
  return header;
}

export function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length++;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

export const dir = (name: string, more: Partial<RawEntry> = {}): RawEntry => ({
  name,
  type: '5',
  mode: 0o755,
  ...more,
});
export const file = (
  name: string,
  content: string | Buffer = name,
  more: Partial<RawEntry> = {},
): RawEntry => ({
  name,
  content,
  ...more,
});
export const symlink = (name: string, link: string): RawEntry => ({ name, type: '2', link, mode: 0o777 });
export const hardlink = (name: string, link: string): RawEntry => ({ name, type: '1', link });

export interface UnpackSettings {
  readonly directory?: string;
  readonly compression?: 'none' | 'gzip' | 'zstd';
  readonly diffId?: string;
  readonly limits?: Partial<Limits>;
  readonly owners?: 'keep' | 'squash';
  readonly blob?: Buffer;
}

/** Unpacks an archive in this thread; `blob` is the same in compressed form. */
export async function unpackTar(
  tar: Buffer,
  settings: UnpackSettings = {},
): Promise<UnpackedLayer & { readonly directory: string }> {
  const work = scratch();
  const path = join(work, 'blob');
  writeFileSync(path, settings.blob ?? tar);
  const directory = settings.directory ?? join(work, 'tree');
  const unpacked = await unpack(
    {
      blob: path,
      compression: settings.compression ?? 'none',
      diffId: settings.diffId ?? `sha256:${sha256(tar)}`,
      directory,
      owners: settings.owners ?? 'keep',
      ...(settings.limits === undefined ? {} : { limits: settings.limits }),
    },
    () => {},
  );
  return { ...unpacked, directory };
}

/** Packs in this thread; the layer and its uncompressed blob. */
export async function packTar(
  job: PackJob,
  options: Partial<PackOptions> = {},
): Promise<(PackedLayer & { readonly tar: Buffer }) | undefined> {
  const output = join(scratch(), 'blob');
  const packed = await pack(job, { compression: 'none', output, ...options }, () => {});
  return packed && { ...packed, tar: readFileSync(output) };
}

/** Everything that can be known of a file. */
export interface TreeEntry {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtime: bigint;
  readonly content?: string;
  readonly link?: string;
  readonly device?: bigint;
  /** The first path of the same inode. */
  readonly sameAs?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** A tree as plain data, by path in latin1; the root is `.`. */
export function readTree(root: string): Record<string, TreeEntry> {
  const tree: Record<string, TreeEntry> = {};
  const inodes = new Map<string, string>();
  const visit = (path: string): void => {
    const full = Buffer.from(`${root}/${path}`, 'latin1');
    const stat = lstatSync(full, { bigint: true, throwIfNoEntry: false });
    // Overlayfs lists whiteouts in directories that it does not merge, as names of nothing.
    if (stat === undefined && path !== '.') return;
    if (stat === undefined) throw new Error(`there is no ${root}`);
    const first = inodes.get(`${stat.dev}:${stat.ino}`);
    if (first === undefined) inodes.set(`${stat.dev}:${stat.ino}`, path);
    const type = stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'symlink'
        : stat.isFile()
          ? 'file'
          : stat.isCharacterDevice()
            ? 'character'
            : stat.isBlockDevice()
              ? 'block'
              : stat.isFIFO()
                ? 'fifo'
                : 'socket';
    const names = listXattrs(full);
    tree[path] = {
      type,
      mode: (Number(stat.mode) & 0o7777).toString(8),
      owner: `${stat.uid}:${stat.gid}`,
      mtime: stat.mtimeNs,
      ...(type === 'file' ? { content: sha256(readFileSync(full)) } : {}),
      ...(type === 'symlink' ? { link: readlinkSync(full, 'latin1') } : {}),
      ...(type === 'character' || type === 'block' ? { device: stat.rdev } : {}),
      ...(first === undefined ? {} : { sameAs: first }),
      ...(names.length === 0
        ? {}
        : {
            xattrs: Object.fromEntries(
              names.map(name => [name, Buffer.from(getXattr(full, name) ?? []).toString('hex')]),
            ),
          }),
    };
    if (type !== 'directory') return;
    for (const name of readdirSync(full, { encoding: 'latin1' }).sort())
      visit(path === '.' ? name : `${path}/${name}`);
  };
  visit('.');
  return tree;
}

/** The tree without what two ways of making it cannot agree on. */
export function withoutTimes(tree: Record<string, TreeEntry>): Record<string, Omit<TreeEntry, 'mtime'>> {
  return Object.fromEntries(Object.entries(tree).map(([path, { mtime: _, ...entry }]) => [path, entry]));
}

/** What umoci makes of layers, bottom to top: the path of the root tree. */
export function umociTree(layers: readonly Buffer[]): string {
  const work = scratch();
  const image = `${work}/image:it`;
  execFileSync('umoci', ['init', '--layout', `${work}/image`]);
  execFileSync('umoci', ['new', '--image', image]);
  for (const layer of layers) {
    writeFileSync(join(work, 'layer.tar'), layer);
    execFileSync('umoci', ['raw', 'add-layer', '--image', image, join(work, 'layer.tar')]);
  }
  execFileSync('umoci', ['unpack', '--image', image, `${work}/bundle`], { stdio: 'pipe' });
  return `${work}/bundle/rootfs`;
}

/** Mounts directories, bottom to top, as overlayfs with `userxattr` until the test is over. */
export function overlay(lowers: readonly string[]): { readonly merged: string; readonly upper: string } {
  const work = scratch();
  const [merged, upper] = [join(work, 'merged'), join(work, 'upper')];
  for (const name of ['merged', 'upper', 'work']) mkdirSync(join(work, name));
  const lowerdir = lowers.toReversed().join(':');
  execFileSync('mount', [
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=${lowerdir},upperdir=${upper},workdir=${work}/work,userxattr`,
    merged,
  ]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', merged]);
  });
  return { merged, upper };
}

/** Runs a shell script. */
export function sh(script: string, cwd?: string): string {
  return execFileSync('bash', ['-euc', script], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
}
