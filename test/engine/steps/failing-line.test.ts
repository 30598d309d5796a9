import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findFailingLine, OutputTail } from '../../../src/engine/steps/failing-line.ts';
import { findProgram } from '../../../src/support/process.ts';

/** What a real shell says of a script up to its end. */
function traced(script: string, shell = 'sh'): string {
  const { stdout } = spawnSync('sh', ['-c', 'exec "$0" -xe -c "$1" 2>&1', shell, script], {
    encoding: 'utf8',
  });
  return stdout;
}

describe.each([
  'sh',
  ...(findProgram('bash') ? ['bash'] : []),
  ...(findProgram('busybox') ? ['busybox'] : []),
])('the failing line of a script run by %s', shell => {
  const find = (script: string) => {
    const output =
      shell === 'busybox'
        ? spawnSync('sh', ['-c', 'exec busybox sh -xe -c "$0" 2>&1', script], { encoding: 'utf8' }).stdout
        : traced(script, shell);
    return findFailingLine(script, output)?.line;
  };

  it.each([
    ['the only one', 'false', 'false'],
    ['one of several', 'true\necho fine\nls /does-not-exist\necho never', 'ls /does-not-exist'],
    ['with indentation', 'if true; then\n  echo x\n    false /indented\nfi', 'false /indented'],
    ['with variables', 'A=/nowhere\nls $A/there "${A}x"\ntrue', 'ls $A/there "${A}x"'],
    ['with long variables', 'LONG=/nowhere\nls "$LONG/there" $#\ntrue', 'ls "$LONG/there" $#'],
    ['with quotes', 'echo "one"\nls "/a  b" \'c d\'', 'ls "/a  b" \'c d\''],
    [
      'with redirections',
      'true\nls /does-not-exist >/dev/null 2>&1\ntrue',
      'ls /does-not-exist >/dev/null 2>&1',
    ],
    ['over several lines', 'true\nls /a \\\n  /b \\\n  /c\ntrue', 'ls /a'],
    ['in a chain', 'true\ncd / && ls /does-not-exist\ntrue', 'cd / && ls /does-not-exist'],
    ['in a loop', 'for i in 1 2; do\n  test $i -lt 2\ndone', 'test $i -lt 2'],
    ['after half a line of output', 'printf "half a line"\nls /does-not-exist', 'ls /does-not-exist'],
    ['with a comment', 'true # fine\nls /does-not-exist # not here', 'ls /does-not-exist # not here'],
    ['that ends the script', 'echo x\nexit 3', 'exit 3'],
    ['with output that looks like a trace', 'echo "+ what"\necho "1 + 1"\nls /nowhere', 'ls /nowhere'],
  ])('%s', (_, script, line) => {
    expect(find(script)).toBe(line);
  });

  it('is not told when two are alike', () => {
    expect(find('ls /\nif false; then ls /nowhere; fi\nls /nowhere')).toBeUndefined();
  });
});

describe('the failing line', () => {
  it('is unknown when nothing was traced', () => {
    expect(findFailingLine('#!/bin/sh\nfalse\n', 'some output\n')).toBeUndefined();
    expect(findFailingLine('false', '')).toBeUndefined();
  });

  it('has the command also where its line is not known', () => {
    expect(findFailingLine('$PROGRAM $TARGET\n', '+ make all\nmake: error\n')).toEqual({
      command: 'make all',
      line: undefined,
    });
  });

  it('is not told when what looks like a trace is not of the script', () => {
    expect(findFailingLine('diff a b\n', '+ diff a b\n--- a\n+++ b\n- old\n+ new\n')).toBeUndefined();
    expect(findFailingLine('set +x\nfalse\n', '+ set +x\n')).toBeUndefined();
    expect(findFailingLine('. /some/file\n', '+ . /some/file\n+ make all\nmake: error\n')).toBeUndefined();
  });
});

describe('the tail of an output', () => {
  it('is all of a short one, and the end of a long one', () => {
    const tail = new OutputTail();
    tail.add(Buffer.from('one\n'));
    tail.add(Buffer.from('two\n'));
    expect(tail.text()).toBe('one\ntwo\n');
    for (let i = 0; i < 1000; i += 1) tail.add(Buffer.alloc(1000, 'x'));
    tail.add(Buffer.from('end'));
    expect(tail.text().length).toBeLessThan(70_000);
    expect(tail.text().endsWith('xxxend')).toBe(true);
  });
});
