/** What a command that runs as the image's container would depends on. */
import type { ExecStep, ImagePlan } from '../../plan/types.ts';
import type { BuildOptions } from '../context.ts';
import { chainOf } from '../layer-records.ts';
import { environmentOf, expand, type ImageState } from '../state.ts';
import type { LayerRecord } from '../values.ts';
import { BELOW, environmentParts, epochPart, runEnvironment } from './key-parts.ts';
import { canonical, type KeyPart } from './keys.ts';

/** A command with all that the image says of it. */
export interface SettledExec {
  readonly command: readonly string[];
  /** Name or number, with or without `:group`. */
  readonly user: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Those of its variables that a result depends on. */
  readonly decisive: Readonly<Record<string, string>>;
}

/** How to reach the network from here is nothing that a result may depend on, nor is the kind of terminal. */
const INCIDENTAL = /^(?:(?:all|ftp|http|https|no|rsync)_proxy|TERM)$/i;

/** @param state What the image knows where the step runs. */
export function settleExec(
  { command, user, passThrough }: ExecStep,
  state: ImageState,
  { environment: host }: BuildOptions,
): SettledExec {
  const { container, buildArguments, defaults } = state;
  const set = Object.fromEntries([...buildArguments, ...environmentOf(container)]);
  const environment = runEnvironment({ defaults: Object.fromEntries(defaults), passThrough, set }, host);
  const decisive = Object.entries(environment).filter(([name]) => name in set || !INCIDENTAL.test(name));
  return {
    command,
    user: expand(user, state),
    directory: container.WorkingDir || '/',
    environment,
    decisive: Object.fromEntries(decisive),
  };
}

export function execParts(
  { command, user, directory, decisive }: SettledExec,
  { platform }: Pick<ImagePlan, 'platform'>,
  layers: readonly LayerRecord[] | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ['command', canonical(command)],
    ['user', user],
    ['working directory', directory],
    ...environmentParts(decisive),
    ['network', options.network],
    ['platform', canonical(platform)],
    epochPart(options),
  ];
}
