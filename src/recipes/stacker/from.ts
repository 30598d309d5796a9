import { resolve } from 'node:path';
import { parseReference } from '../../oci/index.ts';
import type { Base, FileSource, Source } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { didYouMean } from '../../support/suggest.ts';
import { showYaml, type YamlNode } from '../../support/yaml.ts';
import {
  type Directives,
  givenValue,
  type LayerContext,
  readDirectives,
  readFlag,
  readText,
} from './directives.ts';
import { readHash, remoteSource, schemeOf } from './source.ts';
import { baseTypes, fromKeys } from './vocabulary.ts';

/** The base that a `from` map names. */
export function readFrom(from: YamlNode, context: LayerContext): Base {
  const at = from.span;
  if (from.kind === 'list') throw new AshlarError("a list in 'from' is not supported yet", { at });
  if (from.kind !== 'map') {
    throw new AshlarError(`'from' expected a map, found ${from.kind}: ${showYaml(from)}`, {
      at,
      hint: 'for example {type: docker, url: "docker://debian:stable"}',
    });
  }
  const directives = readDirectives(from, fromKeys, 'image source directive', context);
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
    case 'stack':
      throw new AshlarError("type 'stack' in 'from' is not supported yet", {
        at: placeOf(directives, 'type', at),
      });
    default:
      throw new AshlarError(`unknown layer type: ${type}`, {
        at: placeOf(directives, 'type', at),
        hint:
          didYouMean(type, Object.keys(baseTypes)) ?? `the types are ${Object.keys(baseTypes).join(', ')}`,
      });
  }
}

function tarBase(directives: Directives, context: LayerContext, at: SourceSpan): Base {
  const createdBy = `stacker build of ${context.layer}`;
  return { kind: 'tar', source: readTar(directives, context, at), createdBy, at };
}

function readImage(directives: Directives, at: SourceSpan, context: LayerContext): Base {
  const url = required(directives, 'url', 'docker', context, at);
  const place = placeOf(directives, 'url', at);
  if (url.startsWith('docker://')) return imageBase(url, directives, place);
  if (url.startsWith('oci:')) return layoutBase(url.slice('oci:'.length), directives, place, context);
  if (url.startsWith('docker-daemon:')) return daemonBase(url, directives, place);
  const hint = schemeOf(url) === undefined ? `did you mean "docker://${url}"?` : undefined;
  throw new AshlarError(`unknown image source type: ${url}`, { at: place, hint });
}

/** An image that a docker daemon keeps; as everywhere, no tag means latest. */
function daemonBase(url: string, directives: Directives, at: SourceSpan): Base {
  if (!/^docker-daemon:[^\s:@]/.test(url))
    throw new AshlarError(`no image is named in ${url}`, { at, hint: 'write docker-daemon:name:tag' });
  const reference =
    /:[^/]+$/.test(url.slice('docker-daemon:'.length)) || url.includes('@') ? url : `${url}:latest`;
  return { kind: 'image', reference, insecure: readFlag(directives, 'insecure'), at };
}

/** The documentation of type `oci` promises `docker://…` too. */
function readLayout(directives: Directives, at: SourceSpan, context: LayerContext): Base {
  const url = required(directives, 'url', 'oci', context, at);
  const place = placeOf(directives, 'url', at);
  if (url.startsWith('docker://')) return imageBase(url, directives, place);
  return layoutBase(url, directives, place, context);
}

/** The image in an OCI layout for `directory:tag`, split at the first colon. */
function layoutBase(url: string, directives: Directives, at: SourceSpan, { options }: LayerContext): Base {
  const colon = url.indexOf(':');
  if (colon < 1 || colon === url.length - 1) {
    throw new AshlarError(`bad OCI tag: ${url}`, { at, hint: 'write it as directory:tag' });
  }
  const directory = resolve(options.cwd, url.slice(0, colon));
  if (directory.includes(':')) {
    throw new AshlarError(`the path of an OCI layout cannot contain ':': ${directory}`, { at });
  }
  return imageBase(`oci:${directory}:${url.slice(colon + 1)}`, directives, at);
}

function imageBase(reference: string, directives: Directives, at: SourceSpan): Base {
  try {
    parseReference(reference);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(error.message, { at, hint: error.hint });
  }
  return { kind: 'image', reference, insecure: readFlag(directives, 'insecure'), at };
}

/** The archive of a `tar` base. Unlike the path of an import, a local one is relative to the current directory. */
function readTar(directives: Directives, context: LayerContext, at: SourceSpan): Source {
  const url = required(directives, 'url', 'tar', context, at);
  const place = placeOf(directives, 'url', at);
  const hash = givenValue(directives, 'hash');
  const sha256 = hash && readHash(readText(directives, 'hash') ?? '', hash.span);
  const common = { ...(sha256 !== undefined && { sha256 }), at: place };
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
