/** Files of packages as headers of rpm have them, and how what is there differs: as `rpm --verify` tells it. */
import { constants } from 'node:fs';
import { type ContentsEntry, toText } from '../../layers/index.ts';
import { TYPE_BITS } from '../../linux/index.ts';
import { readTags } from './rpm-header.ts';

const { S_IFLNK, S_IFMT, S_IFREG } = constants;

export interface RpmFile {
  /** Absolute. */
  readonly path: string;
  /** With the bits of the type. */
  readonly mode: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Hexadecimal; empty where there is none, or of another kind than SHA-256. */
  readonly sha256: string;
  readonly link: string;
  /** One letter for configuration, documentation and so on; a blank for others. */
  readonly mark: string;
  /** What is worth a look, as bits (rpmvf.h). */
  readonly verified: number;
}

const FILESIZES = 1028;
const FILESTATES = 1029;
const FILEMODES = 1030;
const FILEMTIMES = 1034;
const FILEDIGESTS = 1035;
const FILELINKTOS = 1036;
const FILEFLAGS = 1037;
const FILEVERIFYFLAGS = 1045;
const DIRINDEXES = 1116;
const BASENAMES = 1117;
const DIRNAMES = 1118;
const LONGFILESIZES = 5008;
const FILEDIGESTALGO = 5011;

const SHA256 = 8;
const GHOST = 1 << 6;
const EVERYTHING = 0xffff_ffff;

/** Letters by bits of the flags of a file (rpmfiles.h). */
const MARKS = [
  [1 << 0, 'c'],
  [1 << 1, 'd'],
  [1 << 7, 'l'],
  [1 << 8, 'r'],
] as const;

/** Those that were installed. Throws AshlarError for what is no header. */
export function readRpmFiles(header: Uint8Array): readonly RpmFile[] {
  const { strings, numbers } = readTags(header);
  const [directories, indexes] = [strings(DIRNAMES), numbers(DIRINDEXES)];
  const long = numbers(LONGFILESIZES);
  const sizes = long.length > 0 ? long : numbers(FILESIZES);
  const [modes, mtimes, flags, states] = [FILEMODES, FILEMTIMES, FILEFLAGS, FILESTATES].map(numbers);
  const [digests, links] = [strings(FILEDIGESTS), strings(FILELINKTOS)];
  const verified = numbers(FILEVERIFYFLAGS);
  const known = numbers(FILEDIGESTALGO)[0] === SHA256;
  return strings(BASENAMES).flatMap((name, i): RpmFile[] => {
    const flag = flags?.[i] ?? 0;
    // A state: replaced, left out, of another architecture.
    if (flag & GHOST || (states?.[i] ?? 0) !== 0) return [];
    const path = `${directories[indexes[i] ?? 0] ?? '/'}${name}`;
    return [
      {
        path,
        mode: modes?.[i] ?? 0,
        size: sizes[i] ?? 0,
        mtime: mtimes?.[i] ?? 0,
        sha256: known ? (digests[i] ?? '') : '',
        link: links[i] ?? '',
        mark: MARKS.find(([bit]) => flag & bit)?.[1] ?? ' ',
        verified: verified[i] ?? EVERYTHING,
      },
    ];
  });
}

const [DIGEST, SIZE, LINK, MTIME, MODE] = [1 << 0, 1 << 1, 1 << 2, 1 << 5, 1 << 6];

/** A line where the file differs; owners, devices and capabilities are not compared. */
export function differenceOf(file: RpmFile, found: ContentsEntry | undefined): string | undefined {
  const { path, mark, verified, mode } = file;
  if (found === undefined) return `missing   ${mark} ${path}`;
  const isFile = (mode & S_IFMT) === S_IFREG && found.type === 'file';
  const isLink = (mode & S_IFMT) === S_IFLNK && found.type === 'symlink';
  const differs = {
    S: verified & SIZE && isFile && found.size !== file.size,
    M: verified & MODE && !isLink && mode !== (TYPE_BITS[found.type] | found.mode),
    '5': verified & DIGEST && isFile && file.sha256 !== '' && found.sha256 !== file.sha256,
    L: verified & LINK && isLink && toText(found.link) !== file.link,
    T: verified & MTIME && isFile && Number(found.mtime / 1_000_000_000n) !== file.mtime,
  };
  if (!Object.values(differs).some(Boolean)) return undefined;
  const letter = (name: keyof typeof differs) => (differs[name] ? name : '.');
  return `${letter('S')}${letter('M')}${letter('5')}.${letter('L')}..${letter('T')}.  ${mark} ${path}`;
}
