import { describe, expect, it } from 'vitest';
import { readGoFlags } from '../../src/cli/go-flags.ts';
import { describeProgram } from '../../src/cli/program.ts';

const program = describeProgram('stacker');

describe('flags as programs in Go have them', () => {
  it.each([
    ['-debug build -substitute A=b', '--debug build --substitute A=b'],
    ['-stacker-dir=x build -f=a.yaml', '--stacker-dir=x build -f a.yaml'],
    ['build -no-cache -substitute=A=-b=c', 'build --no-cache --substitute=A=-b=c'],
    ['--oci-dir=x -q build --substitute A=b', '--oci-dir=x -q build --substitute A=b'],
    ['publish -d=. -p=x -tag v1', 'publish -d . -p x --tag v1'],
    ['chroot -f=x tag ls -debug -f=y', 'chroot -f x tag ls -debug -f=y'],
    ['exec -f x tag -debug', 'exec -f x tag -debug'],
    ['build -- -debug -f=x', 'build -- -debug -f=x'],
    ['build -nonsense -z=1 -', 'build -nonsense -z=1 -'],
  ])('%s is %s', (given, meant) => {
    expect(readGoFlags(given.split(' '), program)).toEqual(meant.split(' '));
  });
});
