import { describe, expect, it } from 'vitest';
import { changesBetween } from '../../../src/engine/keys/explanation.ts';
import type { KeyPart } from '../../../src/engine/keys/keys.ts';

const nothing = () => undefined;

/** The one line about a part that changed. */
function said(name: string, before: string | undefined, now: string | undefined): string {
  const parts = (value: string | undefined): readonly KeyPart[] =>
    value === undefined ? [] : [[name, value]];
  const changes = changesBetween('here', parts(before), parts(now), nothing);
  expect(changes).toHaveLength(1);
  return changes[0]?.text ?? '';
}

describe('changes between key parts', () => {
  it('are said by name, with the old value and the new one', () => {
    expect(said('environment FOO', 'a', 'b')).toBe('environment FOO: "a" -> "b"');
    expect(said('environment FOO', undefined, 'b')).toBe('environment FOO: new, "b"');
    expect(said('environment FOO', 'a', undefined)).toBe('environment FOO: removed, was "a"');
    expect(said('mode', '644', '755')).toBe('mode: 644 -> 755');
    expect(said('cmd', '["a"]', '["b"]')).toBe('cmd: ["a"] -> ["b"]');
    expect(said('import f', 'a'.repeat(64), 'b'.repeat(64))).toBe('import f: aaaaaaaaaaaa -> bbbbbbbbbbbb');
    expect(said('content', `http ${'1'.repeat(64)}`, '(not downloaded yet)')).toBe(
      'content: 111111111111 -> (not downloaded yet)',
    );
  });

  it.each([
    'API_TOKEN',
    'password',
    'MY_SECRET',
    'SSH_KEY',
    'APIKEY',
    'KEY',
    'AWS_CREDENTIALS',
    'GH_PAT',
    'AUTH',
  ])('do not show the values of %s', name => {
    expect(said(`environment ${name}`, 'hunter1', 'hunter2')).toBe(`environment ${name}: (changed)`);
    expect(said(`environment ${name}`, undefined, 'hunter2')).not.toContain('hunter');
  });

  it.each(['PATH', 'KEYBOARD', 'MONKEY', 'COMPAT', 'HTTP_PROXY'])('show the values of %s', name => {
    expect(said(`environment ${name}`, 'one', 'two')).toContain('"one" -> "two"');
  });

  it('name the lines of a script and the files of a directory that differ, the first ones of many', () => {
    const script = changesBetween('run', [['script', 'a\nb\n']], [['script', 'a\nc\n']], nothing);
    expect(script).toEqual([{ where: 'run', text: 'script changed', details: ['- b', '+ c'] }]);
    const files = Array.from({ length: 25 }, (_, i) => `f${i}`);
    const [change] = changesBetween('copy', [['content', '1']], [['content', '2']], () => files);
    expect(change?.details).toEqual([...files.slice(0, 20), 'and 5 more']);
  });

  it('are found in the order alone, too', () => {
    const parts: readonly KeyPart[] = [
      ['environment A', '1'],
      ['environment B', '2'],
    ];
    expect(changesBetween('config', parts, parts, nothing)).toEqual([]);
    expect(changesBetween('config', parts, parts.toReversed(), nothing)).toHaveLength(1);
  });
});
