/** The config of images for containers. */
import type { ConfigChange } from '../../../plan/types.ts';
import { AshlarError } from '../../../support/errors.ts';
import { imageBase, schemeOf } from '../../references.ts';
import type { KiwiCommand, KiwiContainerConfig, KiwiDescription } from '../model.ts';
import { resultStem } from './names.ts';
import type { Part } from './options.ts';

export const noConfig: ConfigChange = { environment: [], labels: {}, volumes: [] };

export function containerConfig({ type }: KiwiDescription): ConfigChange {
  const config = type.containerconfig;
  if (!config) return { ...noConfig, cmd: ['/bin/bash'] };
  const { entrypoint, subcommand, user, workingDir, stopSignal, maintainer: author, history } = config;
  const cmd = commandOf(subcommand) ?? (entrypoint ? undefined : ['/bin/bash']);
  const start = commandOf(entrypoint);
  return {
    environment: config.environment,
    labels: Object.fromEntries(config.labels),
    volumes: config.volumes,
    ports: config.ports.map(({ value }) => (value.includes('/') ? value : `${value}/tcp`)),
    ...(workingDir !== undefined && { workingDir }),
    ...(user !== undefined && { user }),
    ...(start !== undefined && { entrypoint: start }),
    ...(cmd !== undefined && { cmd }),
    ...(stopSignal !== undefined && { stopSignal }),
    author,
    history: {
      ...(history.author !== undefined && { author: history.author }),
      ...(history.comment !== undefined && { comment: history.comment }),
    },
  };
}

/** Of the layer and the closing entry of the history. */
export function createdBy({ name, type }: KiwiDescription): string {
  return type.containerconfig?.history.createdBy ?? `kiwi ${name}`;
}

/** Nothing is inherited where the element says so. */
function commandOf(command: KiwiCommand | undefined): readonly string[] | null | undefined {
  if (!command) return undefined;
  if (command.clear) return null;
  return [...(command.execute === undefined ? [] : [command.execute]), ...command.arguments];
}

/** `name:tag`, its own first; `:tag` and `name` among the additional ones take the other part from that. */
export function containerNames({ type, name: image }: KiwiDescription): readonly [string, ...string[]] {
  const {
    name = 'kiwi-container',
    tag = 'latest',
    additionalNames = [],
  }: Partial<KiwiContainerConfig> = type.containerconfig ?? {};
  const others = additionalNames.map(text => {
    if (text.startsWith(':')) return `${name}${text}`;
    return /:[^/]+$/.test(text) ? text : `${text}:${tag}`;
  });
  const own = `${name || image}:${tag}`;
  return [own, ...new Set(others.filter(other => other !== own))];
}

/** What a container is derived from, where it is built on nothing else. @throws AshlarError */
export function derivedBase({ type }: KiwiDescription): readonly Part[] {
  const written = type.attributes.derived_from;
  if (!written || (type.image !== 'docker' && type.image !== 'oci')) return [];
  const { at } = written;
  const reference = String(written.value).replace('#', ':');
  if (schemeOf(reference) === undefined || reference.startsWith('docker://')) {
    const complete = reference.startsWith('docker://') ? reference : `docker://${reference}`;
    return [imageBase(complete, false, at)];
  }
  throw new AshlarError(`derived_from="${written.value}": only images in registries are found`, {
    at,
    hint: 'write docker://host/repository:tag, or build with stackbuild on a stash',
  });
}

export function containerFile(description: KiwiDescription, compressed: boolean): string {
  return `${resultStem(description)}.${description.type.image}.tar${compressed ? '.xz' : ''}`;
}
