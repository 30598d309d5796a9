/** FROM: the stage that it begins, and what that has from its base. */
import { formatPlatform, type Platform } from '../../oci/index.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { type Conversion, imageUrl } from './conversion.ts';
import type { Instruction } from './instructions.ts';
import { type Inherited, image, nothing } from './stage.ts';
import { concat, literal, plain, type Text } from './text.ts';

/** What of the config of a base counts while something is built on it. */
export interface BaseConfig {
  /** `NAME=value`. */
  readonly environment: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly cmd?: readonly string[];
}

/** Asks for the config of an image; undefined when it cannot be had. `insecure` allows plain http. */
export type ReadBase = (
  url: string,
  platform: Platform,
  insecure?: boolean,
) => Promise<BaseConfig | undefined>;

/** The words of a FROM: the image, and the name of the stage in small letters. */
export function readFromWords({ text, at }: Instruction): { reference: string; alias: string | undefined } {
  const [, reference, alias] = /^(\S+)(?:\s+AS\s+([a-z][\w.-]*))?$/i.exec(text) ?? [];
  if (reference !== undefined) return { reference, alias: alias?.toLowerCase() };
  throw new AshlarError('unsupported FROM directive', { at, hint: 'write it as FROM image [AS name]' });
}

/** `os` and `arch` for a platform, where it is not simply ours. */
export function readPlatform(text: string, ours: Platform, at: SourceSpan): Record<string, string> {
  const [os = '', arch, variant] = text.split('/');
  if (text === '' || text === formatPlatform(ours)) return {};
  if (arch === undefined) {
    throw new AshlarError(`not a platform: ${text}`, { at, hint: 'for example linux/arm64' });
  }
  return os === ours.os && arch === ours.architecture && variant === undefined ? {} : { os, arch };
}

/** What a stage has from its base, and what is to be said about that. */
export async function inherit(
  base: Text,
  platform: Platform,
  conversion: Conversion,
  readBase: ReadBase,
  at: SourceSpan,
): Promise<{ readonly inherited: Inherited; readonly note?: string }> {
  const reference = plain(base);
  if (reference === '') {
    throw new AshlarError('unsupported FROM directive', { at, hint: 'the name of the image is empty' });
  }
  if (reference === 'scratch') return { inherited: nothing };
  const stage = conversion.findStage(reference);
  if (stage) return { inherited: stage.heritage() };
  const url = imageUrl(reference);
  const from = concat(literal(url.slice(0, url.length - reference.length)), base);
  const config = await readBase(url, platform);
  if (config === undefined) {
    const note = `the environment of ${reference} is not known here: RUN sees only what the Dockerfile sets`;
    return { inherited: image(from, {}), note };
  }
  return { inherited: onImage(from, config) };
}

/** What a stage has from an image whose config is known. */
export function onImage(from: Text, { environment, workingDir, user }: BaseConfig): Inherited {
  const variables = environment.map(entry => {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(entry) ?? [];
    return [name, literal(value)] as const;
  });
  const known = {
    environment: new Map(variables),
    workingDir: literal(workingDir || '/'),
    user: user === '' ? undefined : literal(user),
  };
  return image(from, known);
}
