/** The build context of a Dockerfile: the files beside it, less those that .dockerignore names. */
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join, posix, relative } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { codeOf } from '../../support/errors.ts';

export type Kind = 'file' | 'directory' | 'missing';

export class BuildContext {
  readonly directory: string;
  readonly #ignored: (path: string) => boolean;
  readonly #rules: readonly string[];
  /** What conversion and builds make, which is none of the context although it may be in its directory. */
  readonly #generated: readonly string[];

  /** `generated` are absolute paths. */
  constructor(directory: string, dockerfileName: string, generated: readonly string[] = []) {
    this.directory = directory;
    const text =
      readIfThere(join(directory, `${dockerfileName}.dockerignore`)) ??
      readIfThere(join(directory, '.dockerignore')) ??
      '';
    this.#rules = text.split(/\r?\n/).filter(line => /^\s*[^\s#]/.test(line));
    const ignored = ignoring(this.#rules);
    this.#generated = generated.map(path => relative(directory, path)).filter(path => !path.startsWith('..'));
    this.#ignored = path => this.#generated.includes(path) || ignored(path);
  }

  /** Paths are relative to the context, without slashes at the ends; the context itself is the empty path. */
  kind(path: string): Kind {
    try {
      return statSync(join(this.directory, path)).isDirectory() ? 'directory' : 'file';
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return 'missing';
      throw error;
    }
  }

  isIgnored(path: string): boolean {
    return this.#ignored(path);
  }

  /** The path of what a symbolic link stands for, as far as that is in the context. */
  followed(path: string): string {
    const root = realpathSync(this.directory);
    const real = relative(root, realpathSync(join(root, path)));
    return real.startsWith('..') ? path : real;
  }

  /** The paths that match a pattern in the manner of Go's filepath.Match, ignored ones left out. */
  glob(pattern: string): string[] {
    let found = [''];
    for (const part of pattern.split('/')) {
      const matches = new RegExp(`^${matchSource(part)}$`, 'u');
      found = found.flatMap(directory =>
        this.list(directory)
          .filter(name => matches.test(name))
          .map(name => posix.join(directory, name)),
      );
    }
    return found.filter(path => !this.#ignored(path));
  }

  /**
   * The fewest files and directories below a directory that hold everything that is neither ignored nor excluded, or
   * undefined when that is everything.
   */
  cover(directory: string, excluded?: (path: string) => boolean): string[] | undefined {
    // What is generated may come later than this.
    let whole = !this.#generated.some(path => directory === '' || path.startsWith(`${directory}/`));
    if (whole && this.#rules.length === 0 && excluded === undefined) return undefined;
    const exceptions = this.#rules.some(rule => rule.startsWith('!'));
    const kept = this.list(directory).flatMap(name => {
      const path = posix.join(directory, name);
      const skipped = this.#ignored(path) || excluded?.(path) === true;
      // An exception may let in what is in an ignored directory.
      const enter = (!skipped || exceptions) && lstatSync(join(this.directory, path)).isDirectory();
      const below = enter ? this.cover(path, excluded) : undefined;
      if (!skipped && below === undefined) return [path];
      whole = false;
      return below ?? [];
    });
    return whole ? undefined : kept;
  }

  /** Whether a directory has others in it whose permissions are not 0755. */
  hasOddDirectories(directory: string): boolean {
    return this.list(directory).some(name => {
      const path = posix.join(directory, name);
      const stat = lstatSync(join(this.directory, path));
      return stat.isDirectory() && ((stat.mode & 0o7777) !== 0o755 || this.hasOddDirectories(path));
    });
  }

  /** Whether Docker's ADD unpacks the file: a tar archive, compressed or not. */
  isArchive(path: string): boolean {
    const head = readHead(join(this.directory, path));
    const magic = head.toString('latin1');
    if (magic.startsWith('BZh')) return /\.(tar\.bz2|tbz2?)$/.test(path);
    if (magic.startsWith('\xfd7zXZ')) return /\.(tar\.xz|txz)$/.test(path);
    return isTar(inflatedHead(head));
  }

  /** The names in a directory, in order. */
  list(directory: string): string[] {
    const path = join(this.directory, directory);
    return this.kind(directory) === 'directory' ? readdirSync(path).sort() : [];
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Enough for the first block of an archive in any compression. */
const headSize = 65_536;

function readHead(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(headSize);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

function inflatedHead(head: Buffer): Buffer {
  const magic = head.readUIntBE(0, Math.min(head.length, 4) || 1);
  try {
    if (magic >>> 16 === 0x1f8b) return gunzipSync(head, { finishFlush: 2 });
    if (magic === 0x28b52ffd) return zstdDecompressSync(head, { finishFlush: 1 });
  } catch {
    // It begins like a compressed file and is none.
    return Buffer.alloc(0);
  }
  return head;
}

/** Whether the first header of a tar archive has the sum that it says it has. */
function isTar(block: Buffer): boolean {
  if (block.length < 512) return false;
  const said = Number.parseInt(block.toString('latin1', 148, 156).replaceAll('\0', ' ').trim(), 8);
  const sum = block
    .subarray(0, 512)
    .reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  return said === sum;
}

/** Decides by the lines of a .dockerignore; the last line that matches a path or a directory it is in counts. */
export function ignoring(lines: readonly string[]): (path: string) => boolean {
  const rules = lines
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const exception = line.startsWith('!');
      const pattern = posix.normalize(exception ? line.slice(1).trim() : line).replace(/^\/+|\/+$/g, '');
      return { exception, matches: new RegExp(`^(?:${matchSource(pattern)})(?:/|$)`, 'u') };
    });
  return path =>
    rules.reduce((ignored, { exception, matches }) => (matches.test(path) ? !exception : ignored), false);
}

/** `*`, `?`, `[a-z]`, `[^a-z]` and a backslash, none across a slash; and `**`, across. */
function matchSource(pattern: string): string {
  const token = /\*\*\/|\*\*|\*|\?|\[(\^?)((?:\\.|[^\]\\])+)\]|\\(.)|[\s\S]/gu;
  return pattern.replace(
    token,
    (text: string, negated: string | undefined, set: string | undefined, escaped?: string) => {
      if (text === '**/') return '(?:[\\s\\S]*/)?';
      if (text === '**') return '[\\s\\S]*';
      if (text === '*') return '[^/]*';
      if (text === '?') return '[^/]';
      if (set === undefined) return codePoint(escaped ?? text);
      const members = set.replace(/\\(.)|([^\w-])/gu, (_, quoted, odd) => codePoint(quoted ?? odd));
      return `[${negated ?? ''}${members}]`;
    },
  );
}

const codePoint = (char: string): string => `\\u{${char.codePointAt(0)?.toString(16)}}`;
