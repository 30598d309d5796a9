import { describe, expect, it } from 'vitest';
import { dependenciesOf, stepsAhead } from '../../src/engine/dependencies.ts';
import { runEnvironment } from '../../src/engine/keys/key-parts.ts';
import type { ImagePlan, RunEnvironment, Step } from '../../src/plan/types.ts';
import { configStep, execStep } from '../e2e/plans.ts';

const at = { file: 'f', line: 1, column: 1 };
const image: ImagePlan = {
  name: 'x',
  base: { kind: 'built', image: 'base', at },
  imports: [{ name: 'i', source: { kind: 'image', image: 'imported', path: '/i', at }, at }],
  steps: [
    {
      kind: 'copy',
      items: [
        {
          source: { kind: 'image', image: 'copied', path: '/c', at },
          target: '/c',
          keep: 'content',
          uid: 0,
          gid: 0,
          at,
        },
      ],
      createdBy: '',
      at,
    },
  ],
  shell: { environment: { defaults: {}, passThrough: [], set: {} }, binds: [], importDirectories: [] },
  config: { environment: [], labels: {}, volumes: [] },
  annotations: {},
  platform: { os: 'linux', architecture: 'amd64' },
  emit: true,
  after: ['earlier', 'base'],
  createdBy: '',
  at,
};

describe('dependenciesOf', () => {
  it('names bases, sources and explicit predecessors once each', () => {
    expect(dependenciesOf(image)).toEqual(['base', 'imported', 'copied', 'earlier']);
  });
});

describe('stepsAhead', () => {
  const [copyOf] = image.steps;
  const command = execStep(['true']);
  const config = configStep({});

  it('are those up to the last command before anything is copied from another image', () => {
    const ahead = (...steps: readonly (Step | undefined)[]) =>
      stepsAhead({ steps: steps.filter(step => step !== undefined) });
    expect(ahead(config, command, config, command, config, copyOf, command)).toBe(4);
    expect(ahead(config, copyOf, command)).toBe(0);
    expect(ahead(command, config)).toBe(0);
    expect(ahead()).toBe(0);
  });

  it('need less than the whole image', () => {
    expect(dependenciesOf(image, [])).toEqual(['base', 'imported', 'earlier']);
  });
});

describe('runEnvironment', () => {
  it('lets through whole names only, overrides defaults by them and both by what is set', () => {
    const environment: RunEnvironment = {
      defaults: { PATH: 'd', A: 'd', B: 'd' },
      passThrough: ['A|B', 'HTTP.*'],
      set: { B: 's' },
    };
    const host = { A: 'h', B: 'h', AB: 'h', HTTP_PROXY: 'h', xHTTP: 'h', HTTPS: undefined };
    expect(runEnvironment(environment, host)).toEqual({ PATH: 'd', A: 'h', B: 's', HTTP_PROXY: 'h' });
  });
});
