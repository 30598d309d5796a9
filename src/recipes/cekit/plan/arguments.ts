/** Build arguments: what was given, and who declares it. */
import type { Platform } from '../../../oci/index.ts';
import { AshlarError } from '../../../support/errors.ts';
import type { Section, Stage } from '../model.ts';
import type { CekitOptions } from '../options.ts';

export type Given = ReadonlyMap<string, string>;

const proxies = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'];

/** Names that commands see without any declaration; they pass through from the host as well. */
export const undeclaredNames: readonly string[] = [...proxies, ...proxies.map(name => name.toUpperCase())];

/** What OSBS says of sources that it has fetched. */
export const remoteSourceNames = ['REMOTE_SOURCE', 'REMOTE_SOURCE_DIR'] as const;

/** Names and values of `NAME=value`; `NAME` alone is what the environment has, if anything. */
export function givenArguments({
  buildArguments,
  environment,
}: Pick<CekitOptions, 'buildArguments' | 'environment'>): Given {
  const given = new Map<string, string>();
  for (const text of buildArguments) {
    const [, name, value] = /^([^=]+)(?:=([\s\S]*))?$/.exec(text) ?? [];
    if (name === undefined) {
      throw new AshlarError(`not a build argument: ${text}`, { hint: 'write it as NAME=value or NAME' });
    }
    const known = value ?? environment[name];
    if (known !== undefined) given.set(name, known);
  }
  return given;
}

/** The arguments that no descriptor declares, and that would be seen nowhere. */
export function unknownArguments(
  given: Given,
  stages: readonly Stage[],
  sections: readonly Section[],
): readonly string[] {
  const declared = [...stages, ...sections].flatMap(({ args }) => args.map(({ name }) => name.text));
  const sources = stages.some(({ osbs }) => osbs.remoteSource) ? remoteSourceNames : [];
  const known = new Set([...declared, ...undeclaredNames, ...sources]);
  return [...given.keys()].filter(name => !known.has(name));
}

/** The arguments whose values come of themselves where they are declared. */
export function targetArgument(name: string, { os, architecture, variant }: Platform): string | undefined {
  switch (name) {
    case 'TARGETPLATFORM':
      return [os, architecture, ...(variant ? [variant] : [])].join('/');
    case 'TARGETOS':
      return os;
    case 'TARGETARCH':
      return architecture;
    case 'TARGETVARIANT':
      return variant ?? '';
    default:
      return undefined;
  }
}
