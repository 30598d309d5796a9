/** What the steps of an image see besides its tree: its config so far, and its build arguments. Pure functions. */
import { posix } from 'node:path';
import type { ContainerConfig } from '../oci/index.ts';
import type { ConfigChange, ConfigStep, Text } from '../plan/types.ts';
import { changeContainer, type PlainChange } from './config.ts';
import { expandText, type Variables } from './text.ts';

export interface ImageState {
  readonly container: ContainerConfig;
  /** Variables that the image does not keep. */
  readonly buildArguments: Variables;
  /** Variables that the image will have unless something sets them. */
  readonly defaults: Variables;
}

/** The state before the first step. */
export function stateOf(container: ContainerConfig, { defaultEnvironment }: ConfigChange): ImageState {
  return { container, buildArguments: new Map(), defaults: new Map(defaultEnvironment) };
}

/** What a config step says, without variables. */
export interface SettledConfig {
  readonly change: PlainChange;
  readonly buildArguments: readonly (readonly [name: string, value: string])[];
}

export function settleConfig({ change, buildArguments }: ConfigStep, state: ImageState): SettledConfig {
  return {
    change: plainChange(change, state),
    buildArguments: buildArguments.map(([name, value]) => [name, expand(value, state)]),
  };
}

/** The state above a config step. */
export function changeState(state: ImageState, { change, buildArguments }: SettledConfig): ImageState {
  return {
    ...state,
    container: changeContainer(state.container, change),
    buildArguments: new Map([...state.buildArguments, ...buildArguments]),
  };
}

/** A change with the values that its texts have in a state. */
export function plainChange(change: ConfigChange, state: ImageState): PlainChange {
  const variables = variablesOf(state);
  const plain = (text: Text) => expandText(text, variables);
  const { environment, labels, volumes, workingDir, user, ...rest } = change;
  return {
    ...rest,
    environment: environment.map(([name, value]) => [name, plain(value)]),
    labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, plain(value)])),
    volumes: volumes.map(plain),
    ...(workingDir === undefined ? {} : { workingDir: inWorkingDir(plain(workingDir), state) }),
    ...(user === undefined ? {} : { user: plain(user) }),
  };
}

export function expand(text: Text, state: ImageState): string {
  return expandText(text, variablesOf(state));
}

/** A path of the image: relative ones begin in its working directory. */
export function inWorkingDir(path: string, { container }: ImageState): string {
  return path === '' || path.startsWith('/') ? path : posix.join('/', container.WorkingDir ?? '', path);
}

/** The environment wins over build arguments, both win over defaults. */
export function variablesOf({ container, buildArguments, defaults }: ImageState): Variables {
  return new Map([...defaults, ...buildArguments, ...environmentOf(container)]);
}

export function environmentOf({ Env = [] }: ContainerConfig): readonly (readonly [string, string])[] {
  return Env.map(entry => {
    const end = entry.indexOf('=');
    return end < 0 ? [entry, ''] : [entry.slice(0, end), entry.slice(end + 1)];
  });
}
