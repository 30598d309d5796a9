import { resolve } from 'node:path';
import type { SingleBase } from '../../plan/bases.ts';
import type { Base, FileSource, ImageBase, Source } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { didYouMean } from '../../support/suggest.ts';
import { imageBase, layoutBase, readReference, schemeOf } from '../references.ts';
import { type Directives, givenValue, type LayerContext, readFlag, readText } from './directives.ts';
import { readHash, remoteSource } from './source.ts';
import { baseTypes } from './vocabulary.ts';

type TarBase = Extract<Base, { kind: 'tar' }>;

/** A base of any type but `stack`, from the directives of its map. */
export function readSource(directives: Directives, at: SourceSpan, context: LayerContext): SingleBase {
  const type = readText(directives, 'type') ?? '';
  const hash = givenValue(directives, 'hash');
  if (hash !== undefined && type !== 'tar' && type !== 'scratch')
    context.options.warn(`'hash' in 'from' is ignored for image type '${type}'`, hash.span, 'unknown-key');
  switch (type) {
    case 'docker':
      return readImage(directives, at, context);
    case 'oci':
      return readLayout(directives, at, context);
    case 'tar':
      return tarBase(directives, context, at);
    case 'scratch':
      if (readText(directives, 'url') === undefined) return { kind: 'scratch', at };
      return tarBase(directives, context, at);
    case 'built':
      return {
        kind: 'built',
        image: required(directives, 'tag', 'built', context, at),
        at: placeOf(directives, 'tag', at),
      };
    default:
      throw new AshlarError(`unknown layer type: ${type}`, {
        at: placeOf(directives, 'type', at),
        hint:
          didYouMean(type, Object.keys(baseTypes)) ?? `the types are ${Object.keys(baseTypes).join(', ')}`,
      });
  }
}

function tarBase(directives: Directives, context: LayerContext, at: SourceSpan): TarBase {
  const createdBy = `stacker build of ${context.layer}`;
  return { kind: 'tar', source: readTar(directives, context, at), createdBy, at };
}

function readImage(directives: Directives, at: SourceSpan, context: LayerContext): ImageBase {
  const url = required(directives, 'url', 'docker', context, at);
  return readReference(
    url,
    readFlag(directives, 'insecure'),
    placeOf(directives, 'url', at),
    context.options.cwd,
  );
}

/** The documentation of type `oci` promises `docker://…` too. */
function readLayout(directives: Directives, at: SourceSpan, context: LayerContext): ImageBase {
  const url = required(directives, 'url', 'oci', context, at);
  const [insecure, place] = [readFlag(directives, 'insecure'), placeOf(directives, 'url', at)];
  if (url.startsWith('docker://')) return imageBase(url, insecure, place);
  return layoutBase(url, insecure, place, context.options.cwd);
}

/** The archive of a `tar` base. Unlike the path of an import, a local one is relative to the current directory. */
function readTar(directives: Directives, context: LayerContext, at: SourceSpan): Source {
  const url = required(directives, 'url', 'tar', context, at);
  const place = placeOf(directives, 'url', at);
  const hash = givenValue(directives, 'hash');
  const sha256 = hash && readHash(readText(directives, 'hash') ?? '', hash.span);
  const common = { ...(sha256 !== undefined && { checksums: { sha256 } }), at: place };
  if (schemeOf(url) !== undefined) return remoteSource(url, common, context);
  const file: FileSource = {
    ...common,
    kind: 'file',
    path: resolve(context.options.cwd, url),
    messages: { missing: `couldn't stat import ${url}` },
  };
  return file;
}

function required(
  directives: Directives,
  key: 'url' | 'tag',
  type: string,
  { layer }: LayerContext,
  at: SourceSpan,
): string {
  const text = readText(directives, key);
  if (text !== undefined) return text;
  throw new AshlarError(`${layer}: from ${key} cannot be empty for image type '${type}'`, { at });
}

function placeOf(directives: Directives, key: string, fallback: SourceSpan): SourceSpan {
  return directives.get(key)?.value.span ?? fallback;
}
