import { describe, expect, it } from 'vitest';
import { problemOfImage, problemOfInspection } from '../../../src/cli/cekit/image-checks.ts';
import type { ImageConfig } from '../../../src/oci/index.ts';

const config: ImageConfig = {
  os: 'linux',
  architecture: 'amd64',
  config: { Labels: { l: 'one two' }, Env: ['A=b=c', 'EMPTY='], User: '7', ExposedPorts: { '80/tcp': {} } },
  rootfs: { type: 'layers', diff_ids: [] },
  history: [{}, {}],
};
const label = { kind: 'label', name: 'l', absent: false } as const;
const whole = (text: string) => ({ value: { text, whole: true } });

describe('the config of an image', () => {
  it('is as a test says', () => {
    for (const action of [
      label,
      { ...label, ...whole('one two') },
      { ...label, value: { text: 'two', whole: false } },
      { ...label, name: 'other', absent: true },
      { ...label, kind: 'env', name: 'A', ...whole('b=c') } as const,
      { ...label, kind: 'env', name: 'EMPTY', ...whole('') } as const,
      { kind: 'layers', count: 2 } as const,
    ])
      expect(problemOfImage(config, action), JSON.stringify(action)).toBeUndefined();
  });

  it.each([
    [{ ...label, ...whole('one') }, 'expected the label l to be "one", found "one two"'],
    [
      { ...label, value: { text: 'x', whole: false } },
      'expected the label l to contain "x", found "one two"',
    ],
    [{ ...label, absent: true }, 'the image has the label l: "one two"'],
    [{ ...label, name: 'x' }, 'the image does not have the label x'],
    [{ ...label, kind: 'env', name: 'B' } as const, 'the image does not have the variable B'],
    [{ kind: 'layers', count: 3 } as const, 'expected 3 entries in the history of the image, found 2'],
  ])('is not as a test says: %j', (action, problem) => {
    expect(problemOfImage(config, action)).toBe(problem);
  });

  it('can be inspected as that of a container', () => {
    const problem = (path: string, value: string) =>
      problemOfInspection(config.config ?? {}, { kind: 'inspect', expected: [{ path, value }] });
    expect(problem('/Config/User', '7')).toBeUndefined();
    expect(problem('/Config/Env', 'A=b=c')).toBeUndefined();
    expect(problem('/Config/ExposedPorts', '80/tcp')).toBeUndefined();
    expect(problem('/Config/User', '8')).toBe('expected "8" at /Config/User, found "7"');
    expect(problem('/State/Status', 'running')).toBe('expected "running" at /State/Status, found undefined');
  });
});
