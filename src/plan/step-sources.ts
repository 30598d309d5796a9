/** Which sources the steps of a plan read. Pure functions. */
import type { Source, Step } from './types.ts';

export function sourcesOfStep(step: Step): readonly Source[] {
  switch (step.kind) {
    case 'copy':
      return step.items.map(({ source }) => source);
    case 'packages':
      return [...step.keys, ...step.repositories.flatMap(({ keys }) => keys)];
    case 'apply':
    case 'config':
    case 'exec':
    case 'run':
    case 'setup':
      return [];
  }
}
