/** What the workloads work on, made once, when the first of them asks for it. */
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { debianRootScript, once, type Stage } from './stage.ts';

/** A tree, and the same as a tar file. */
export interface Tree {
  readonly directory: string;
  readonly tar: string;
}

/** An image of one gzip layer in an OCI layout. */
export interface BaseImage {
  /** `PATH:TAG` */
  readonly reference: string;
  /** The file of its layer. */
  readonly layer: string;
  readonly diffId: string;
}

export interface Fixtures {
  /** A small Debian root. */
  debianImage(): Promise<BaseImage>;
  debianTree(): Promise<Tree>;
  manyFiles(): Promise<Tree>;
  /** A Debian system with kernel and boot loader, 330 MB. */
  machineTree(): Promise<Pick<Tree, 'directory'>>;
  /** The same and more, 545 MB. */
  largeTree(): Promise<Pick<Tree, 'directory'>>;
}

/** With all that KIWI calls in it: dracut and grub-mkconfig. */
const machinePackages = [
  ...['systemd-sysv', 'udev', 'dbus', 'kmod', 'linux-image-cloud-amd64', 'dracut', 'e2fsprogs'],
  ...['grub-common', 'grub2-common', 'grub-efi-amd64-bin', 'grub-pc-bin'],
];

/** What no machine needs that only starts. */
const leftOut = ['/usr/share/locale/*', '/usr/share/man/*', '/var/lib/apt/lists/*'];

export function fixturesIn(stage: Stage): Fixtures {
  const debianTar = once(async () => {
    const tar = stage.path('debian.tar');
    // Made in the user's own cache, where the examples find it, too.
    const { HOME, XDG_CACHE_HOME } = process.env;
    const settings = Object.entries({ HOME, XDG_CACHE_HOME }).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    copyFileSync((await stage.run('env', ...settings, debianRootScript)).trim(), tar);
    return tar;
  });
  const machineTree = once(async () => {
    const directory = stage.path('machine');
    const options = leftOut.map(path => `--dpkgopt=path-exclude=${path}`);
    const packages = `--include=${machinePackages.join(',')}`;
    await stage.run(
      'mmdebstrap',
      '--quiet',
      '--variant=minbase',
      packages,
      ...options,
      'bookworm',
      directory,
    );
    return { directory };
  });
  return {
    machineTree,
    largeTree: once(async () => {
      const directory = stage.path('large');
      await stage.run('cp', '-a', (await machineTree()).directory, directory);
      for (const [i, part] of ['bin', 'sbin', 'lib/grub', 'lib/modules', 'lib/x86_64-linux-gnu'].entries())
        await stage.run('cp', '-a', join(directory, 'usr', part), join(directory, 'opt', String(i)));
      return { directory };
    }),
    debianImage: once(async () => makeImage(stage, await debianTar())),
    debianTree: once(async () => {
      const tar = await debianTar();
      const directory = stage.made('debian');
      await stage.run(
        'tar',
        '-C',
        directory,
        '--numeric-owner',
        '--xattrs',
        '--xattrs-include=*',
        '-xpf',
        tar,
      );
      return { directory, tar };
    }),
    manyFiles: once(async () => {
      const directory = stage.made('many');
      writeManyFiles(directory);
      const tar = stage.path('many.tar');
      await stage.run('tar', '-C', directory, '--sort=name', '-cf', tar, '.');
      return { directory, tar };
    }),
  };
}

/** By umoci, whose gzip is what bases from elsewhere usually come with. */
async function makeImage(stage: Stage, tar: string): Promise<BaseImage> {
  const layout = stage.cleared('base');
  const reference = `${layout}:base`;
  await stage.run('umoci', 'init', '--layout', layout);
  await stage.run('umoci', 'new', '--image', reference);
  await stage.run('umoci', 'raw', 'add-layer', '--image', reference, tar);
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'));
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const manifest = read(blob(read(join(layout, 'index.json')).manifests[0].digest));
  const config = read(blob(manifest.config.digest));
  return { reference, layer: blob(manifest.layers[0].digest), diffId: config.rootfs.diff_ids[0] };
}

const [directories, filesEach, meanSize] = [500, 100, 1024];
const [largeFiles, largeSize] = [10, 20_000_000];

/** 50 000 files of up to 2 KB, and 10 of 20 MB. */
function writeManyFiles(root: string): void {
  const bytes = new Bytes(1);
  for (let i = 0; i < directories; i++) {
    const directory = join(root, `small/${i}`);
    mkdirSync(directory, { recursive: true });
    for (let j = 0; j < filesEach; j++)
      writeFile(join(directory, `file-${j}`), bytes, bytes.below(2 * meanSize));
  }
  mkdirSync(join(root, 'large'));
  for (let i = 0; i < largeFiles; i++) writeFile(join(root, `large/${i}`), bytes, largeSize);
}

function writeFile(path: string, bytes: Bytes, size: number): void {
  const fd = openSync(path, 'wx');
  const kind = bytes.nextKind();
  const buffer = Buffer.alloc(Math.min(size, 1 << 20));
  for (let left = size; left > 0; left -= buffer.length) {
    const piece = buffer.subarray(0, left);
    bytes.fill(piece, kind);
    writeSync(fd, piece);
  }
  closeSync(fd);
}

/** Bytes that are the same every time (xorshift32): noise for every other file, words of sixteen kinds for the rest. */
class Bytes {
  #state: number;
  #files = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  #next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }

  below(limit: number): number {
    return this.#next() % limit;
  }

  nextKind(): 'noise' | 'words' {
    return this.#files++ % 2 === 0 ? 'noise' : 'words';
  }

  fill(buffer: Buffer, kind: 'noise' | 'words'): void {
    for (let i = 0; i < buffer.length; i += 4) {
      const random = this.#next();
      const word = kind === 'noise' ? random : WORDS.readUInt32LE((random >>> 28) * 4);
      for (let j = i; j < Math.min(i + 4, buffer.length); j++) buffer[j] = word >>> (8 * (j - i));
    }
  }
}

const WORDS = Buffer.from('the of and to   in is itthatwas he onaredforwithhisthey'.padEnd(64, 'stone '));

export const sizeOf = (path: string) => statSync(path).size;
