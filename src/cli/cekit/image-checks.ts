/** What tests ask of the configs of images and containers. */
import type { ContainerConfig, ImageConfig } from '../../oci/index.ts';
import type { Action } from '../../recipes/cekit/index.ts';

type ValueAction = Extract<Action, { kind: 'label' | 'env' }>;

/** What is not as it should be. */
export function problemOfImage(
  { config = {}, history = [] }: ImageConfig,
  action: ValueAction | Extract<Action, { kind: 'layers' }>,
): string | undefined {
  switch (action.kind) {
    case 'label':
      return problemOfValue(`the label ${action.name}`, config.Labels?.[action.name], action);
    case 'env': {
      const begin = `${action.name}=`;
      const found = config.Env?.find(entry => entry.startsWith(begin))?.slice(begin.length);
      return problemOfValue(`the variable ${action.name}`, found, action);
    }
    case 'layers':
      if (history.length === action.count) return undefined;
      return `expected ${action.count} entries in the history of the image, found ${history.length}`;
  }
}

function problemOfValue(
  what: string,
  found: string | undefined,
  { value, absent }: ValueAction,
): string | undefined {
  if (absent) return found === undefined ? undefined : `the image has ${what}: "${found}"`;
  if (found === undefined) return `the image does not have ${what}`;
  if (value === undefined || (value.whole ? found === value.text : found.includes(value.text)))
    return undefined;
  return `expected ${what} to ${value.whole ? 'be' : 'contain'} "${value.text}", found "${found}"`;
}

/**
 * What is not as it should be. Paths lead through what `docker inspect` says of a container, as far as its config says
 * the same: `/Config/User`.
 */
export function problemOfInspection(
  config: ContainerConfig,
  { expected }: Extract<Action, { kind: 'inspect' }>,
): string | undefined {
  const problems = expected.map(({ path, value }) => {
    const names = path.split('/').filter(name => name.trim() !== '');
    const found = names.reduce(memberOf, { Config: config });
    return isOrHas(found, value) ? [] : [`expected "${value}" at ${path}, found ${JSON.stringify(found)}`];
  });
  return problems.flat().at(0);
}

function memberOf(thing: unknown, name: string): unknown {
  if (typeof thing !== 'object' || thing === null) return undefined;
  return Object.entries(thing).find(([key]) => key === name)?.[1];
}

function isOrHas(found: unknown, value: string): boolean {
  if (Array.isArray(found)) return found.includes(value);
  if (typeof found === 'object' && found !== null) return Object.hasOwn(found, value);
  return String(found) === value;
}
