import { describe, expect, it } from 'vitest';
import {
  changeState,
  expand,
  type ImageState,
  inWorkingDir,
  plainChange,
  settleConfig,
  stateOf,
} from '../../src/engine/state.ts';
import type { ConfigChange, ConfigStep, Text } from '../../src/plan/types.ts';

const at = { file: 'f', line: 1, column: 1 };
const noChange: ConfigChange = { environment: [], labels: {}, volumes: [] };
const nothing = stateOf({}, noChange);

function changed(
  state: ImageState,
  change: Partial<ConfigChange>,
  buildArguments: ConfigStep['buildArguments'] = [],
): ImageState {
  const step: ConfigStep = {
    kind: 'config',
    change: { ...noChange, ...change },
    buildArguments,
    createdBy: '',
    at,
  };
  return changeState(state, settleConfig(step, state));
}

const of = (name: string): Text => [{ variable: name }];

describe('the state of an image', () => {
  it('lets the environment win over build arguments, and both over defaults', () => {
    const defaults = stateOf({}, { ...noChange, defaultEnvironment: [['X', 'default']] });
    expect(expand(of('X'), defaults)).toBe('default');
    const argument = changed(defaults, {}, [['X', 'argument']]);
    expect(expand(of('X'), argument)).toBe('argument');
    expect(expand(of('X'), changed(argument, { environment: [['X', 'environment']] }))).toBe('environment');
    const inherited = stateOf({ Env: ['X=inherited'] }, noChange);
    expect(expand(of('X'), changed(inherited, {}, [['X', 'argument']]))).toBe('inherited');
  });

  it('shows no value of a change another one of the same change', () => {
    const before = changed(nothing, { environment: [['A', 'old']] });
    const { container } = changed(before, {
      environment: [
        ['A', 'new'],
        ['B', of('A')],
      ],
      labels: { l: of('A') },
      user: of('A'),
    });
    expect(container).toMatchObject({ Env: ['A=new', 'B=old'], Labels: { l: 'old' }, User: 'old' });
  });

  it('keeps values with equals signs, and variables that have none', () => {
    const state = stateOf({ Env: ['A=b=c', 'B'] }, noChange);
    expect([expand(of('A'), state), expand(of('B'), state)]).toEqual(['b=c', '']);
  });

  it('keeps build arguments out of the config', () => {
    expect(changed(nothing, {}, [['A', 'x']]).container).toEqual({});
  });

  it('has one working directory after the other', () => {
    const inside = (state: ImageState, workingDir: Text) => changed(state, { workingDir });
    const first = inside(nothing, 'a');
    expect(first.container.WorkingDir).toBe('/a');
    expect(inside(first, 'b').container.WorkingDir).toBe('/a/b');
    expect(inside(first, '../c').container.WorkingDir).toBe('/c');
    expect(inside(first, '/d/').container.WorkingDir).toBe('/d/');
    expect(inWorkingDir('e', first)).toBe('/a/e');
    expect(plainChange({ ...noChange, workingDir: '' }, first).workingDir).toBe('');
  });

  it('merges ports, sorted', () => {
    const before = stateOf({ ExposedPorts: { '9/tcp': {} } }, noChange);
    const { container } = changed(before, { ports: ['53/udp', '9/tcp'] });
    expect(Object.keys(container.ExposedPorts ?? {})).toEqual(['53/udp', '9/tcp']);
  });
});
