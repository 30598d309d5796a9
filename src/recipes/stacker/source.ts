import { posix } from 'node:path';
import type { Checksums, HttpSource, ImageSource } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { schemeOf } from '../references.ts';
import type { LayerContext } from './directives.ts';

/** The source of a `stacker://<layer>/<path>` or `http(s)://…` address. */
export function remoteSource(
  path: string,
  common: { readonly checksums?: Checksums; readonly at: SourceSpan },
  { options }: LayerContext,
): HttpSource | ImageSource {
  const { at } = common;
  switch (schemeOf(path)) {
    case 'stacker': {
      const [, image, inner = ''] = /^stacker:\/\/([^/]*)(.*)$/is.exec(path) ?? [];
      if (!image)
        throw new AshlarError(`no layer is named in ${path}`, { at, hint: 'write stacker://layer/path' });
      return { ...common, kind: 'image', image, path: posix.resolve('/', inner) };
    }
    case 'http':
    case 'https':
      if (!URL.canParse(path)) throw new AshlarError(`not a valid address: ${path}`, { at });
      if (options.requireHash && common.checksums === undefined) {
        throw new AshlarError(`Remote import needs a hash in yaml for path: ${path}`, { at });
      }
      return { ...common, kind: 'http', url: path };
    default:
      throw new AshlarError(`unsupported url scheme ${path}`, { at });
  }
}

/** The SHA-256 in lower case, or undefined for an empty text. */
export function readHash(hash: string, at: SourceSpan): string | undefined {
  if (hash === '') return undefined;
  if (!/^[0-9a-f]{64}$/i.test(hash)) {
    throw new AshlarError(`Given hash ${hash} is not valid`, {
      at,
      hint: 'a hash is a SHA-256: 64 hexadecimal digits',
    });
  }
  return hash.toLowerCase();
}
