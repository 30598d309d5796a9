import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { checksumAlgorithms, checksumLength } from '../../../plan/checksums.ts';
import type { Checksums } from '../../../plan/types.ts';
import { AshlarError } from '../../../support/errors.ts';
import { given } from '../../../support/given.ts';
import type { Listener } from '../descriptor/read.ts';
import type { LocatedPath, RawArtifact, RawChecksums, RawUrlArtifact } from '../descriptor/types.ts';
import type { Artifact, PathArtifact, UrlArtifact } from '../model.ts';

/** The absolute path of a path in the descriptor that an artifact is of. */
export type PathOf = (path: LocatedPath) => Promise<string>;

/** An artifact with all that was left to defaults, and with paths made absolute. */
export async function resolveArtifact(
  raw: RawArtifact,
  pathOf: PathOf,
  listener: Listener,
): Promise<Artifact> {
  const { name, description, mode, uid, gid, at } = raw;
  const common = {
    name: name.text,
    target: targetOf(raw),
    dest: directoryName(raw.dest?.text ?? '/tmp/artifacts/'),
    ...given({
      description: description?.text,
      mode: mode?.value,
      uid: uid?.value,
      gid: gid?.value,
    }),
    at,
  };
  switch (raw.kind) {
    case 'path':
      return { ...common, ...(await foundByPath(await pathOf(raw.path), raw, listener)) };
    case 'url':
      return { ...common, ...(await locate(raw, pathOf, listener)) };
    case 'plain':
      return { ...common, kind: 'plain', checksums: readChecksums(raw.checksums, listener) };
    case 'image':
      return { ...common, kind: 'image', image: raw.image, path: raw.path };
    case 'pnc':
      return {
        ...common,
        kind: 'pnc',
        buildId: raw.buildId.text,
        artifactId: raw.artifactId.text,
        ...given({ url: raw.url?.text }),
      };
    case 'git':
      return { ...common, kind: 'git', url: raw.url.text, ref: raw.ref.text };
  }
}

/** The file name in the image, maybe with directories in front of it. */
function targetOf({ kind, name, target, at }: RawArtifact): string {
  const given = target?.text || posix.basename(name.text);
  const text = posix.normalize(given.replace(/^\/+/, '')).replace(/\/$/, '');
  // The content of a directory of an image may go to `dest` itself.
  const isItself = text === '.' && !(kind === 'image' && target !== undefined);
  if (isItself || text === '..' || text.startsWith('../')) {
    throw new AshlarError(`artifact '${name.text}' cannot have the target '${given}'`, {
      at: target?.at ?? at,
      hint: 'a target is the name of a file in the directory that "dest" says',
    });
  }
  return text;
}

/** A directory as it is written plainly, with one slash at its end. */
function directoryName(directory: string): string {
  return posix.normalize(directory).replace(/(?<!\/)$/, '/');
}

type FoundByPath = Pick<PathArtifact, 'kind' | 'path' | 'checksums'>;
type FoundByUrl = Pick<UrlArtifact, 'kind' | 'url' | 'checksums' | 'origin'>;

async function foundByPath(
  path: string,
  { name, checksums, at }: Pick<RawUrlArtifact, 'name' | 'checksums' | 'at'>,
  listener: Listener,
): Promise<FoundByPath> {
  const known = readChecksums(checksums, listener);
  if (Object.keys(known).length > 0 && (await isDirectory(path))) {
    throw new AshlarError(`artifact '${name.text}' is a directory, which can have no checksum`, {
      at: Object.values(checksums)[0]?.at ?? at,
    });
  }
  return { kind: 'path', path, checksums: known };
}

async function locate(
  raw: RawUrlArtifact,
  pathOf: PathOf,
  listener: Listener,
): Promise<FoundByPath | FoundByUrl> {
  const { text, at } = raw.url;
  switch (/^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()) {
    case 'http':
    case 'https':
      if (!URL.canParse(text)) throw new AshlarError(`not a valid address: ${text}`, { at });
      return {
        kind: 'url',
        url: text,
        checksums: readChecksums(raw.checksums, listener),
        ...given({ origin: originOf(raw, listener) }),
      };
    case 'file':
      return foundByPath(await pathOf({ ...raw.url, text: await pathOfFileUrl(raw.url) }), raw, listener);
    case undefined:
      return foundByPath(await pathOf(raw.url), raw, listener);
    default:
      throw new AshlarError(`Unsupported URL scheme: ${text}`, {
        at,
        hint: 'use http, https, file or a plain path',
      });
  }
}

function originOf({ origin: { url, checksums } }: RawUrlArtifact, listener: Listener): UrlArtifact['origin'] {
  return url && { url, checksums: readChecksums(checksums, listener) };
}

/** The path as it is written if something is there, else without its percent signs. */
async function pathOfFileUrl({ text, at }: LocatedPath): Promise<string> {
  const [, path] = /^file:(?:\/\/(?:localhost)?)?(\/(?!\/).*)$/is.exec(text) ?? [];
  if (path === undefined || path.includes('%00')) {
    throw new AshlarError(`not the address of a file of this machine: ${text}`, { at });
  }
  if ((await statusOf(path)) !== undefined) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** In lower case. One of another length than such sums have can only be reported as a mismatch, and is. */
function readChecksums(raw: RawChecksums, { warn }: Listener): Checksums {
  const checksums: Partial<Record<keyof Checksums, string>> = {};
  for (const algorithm of checksumAlgorithms) {
    const sum = raw[algorithm];
    if (sum === undefined) continue;
    if (!/^[0-9a-f]+$/i.test(sum.text)) {
      throw new AshlarError(`'${sum.text}' is no ${algorithm}`, {
        at: sum.at,
        hint: `it has ${checksumLength[algorithm]} hexadecimal digits`,
      });
    }
    if (sum.text.length !== checksumLength[algorithm]) {
      warn(`nothing has the ${algorithm} '${sum.text}': it has ${checksumLength[algorithm]} digits`, sum.at);
    }
    checksums[algorithm] = sum.text.toLowerCase();
  }
  return checksums;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await statusOf(path))?.isDirectory() ?? false;
}

async function statusOf(path: string) {
  return stat(path).catch(() => undefined);
}
