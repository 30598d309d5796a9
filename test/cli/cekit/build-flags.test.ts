import { describe, expect, it } from 'vitest';
import { readBuildFlags } from '../../../src/cli/cekit/build-flags.ts';

describe('flags for the build command of an engine', () => {
  it('mean what they mean there, in all their forms', () => {
    const flags = [
      '--build-arg=A=1',
      '--build-arg',
      'B=2',
      '--build-arg C',
      '-t',
      'x:1',
      '--tag=y',
      '--no-cache',
    ];
    expect(readBuildFlags([...flags, '--squash=false', '--network=none', '--platform', 'arm64'])).toEqual({
      buildArguments: ['A=1', 'B=2', 'C'],
      platforms: ['arm64'],
      tags: ['x:1', 'y'],
      noCache: true,
      squash: false,
      network: 'none',
      ignored: [],
    });
  });

  it('may be about what happens anyway', () => {
    const flags = ['--layers', '--layers=true', '--format', 'oci', '--pull=always', '--rm', '-q'];
    expect(readBuildFlags(flags)).toMatchObject({ ignored: [], noCache: false, squash: undefined });
  });

  it('are told of as they were written where they mean nothing', () => {
    const flags = ['--format', 'docker', '--squash-all', '--network=slirp4netns', '--build-arg'];
    expect(readBuildFlags(flags).ignored).toEqual([
      '--format docker',
      '--squash-all',
      '--network=slirp4netns',
      '--build-arg',
    ]);
  });
});
