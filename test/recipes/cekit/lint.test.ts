import { expect, it } from 'vitest';
import { lintPlan } from '../../../src/recipes/cekit/index.ts';
import { planned } from './plan/planning.ts';
import { at, located, section } from './stage.ts';

const url = (name: string, checksums = {}) =>
  ({ kind: 'url', name, target: name, dest: '/', url: `https://h/${name}`, checksums, at }) as const;

it('downloads without a checksum and bases without a version are told of, once for all platforms', async () => {
  const artifacts = [url('loose'), url('fixed', { md5: 'a'.repeat(32) })];
  const platforms = ['amd64', 'arm64'].map(architecture => ({ os: 'linux', architecture }));
  const { plan } = await planned(
    [{ from: located('fedora') }, { from: located('fedora:40'), image: section({ artifacts }) }],
    { platforms },
  );
  expect(lintPlan(plan)).toEqual([
    {
      rule: 'unpinned-download',
      message: 'https://h/loose is downloaded without a hash',
      at,
      hint: 'add "sha256" with its SHA-256, so that what is built stays the same',
    },
    {
      rule: 'floating-base',
      message: 'docker://docker.io/library/fedora:latest may be another image tomorrow',
      at,
      hint: 'name a version or a digest',
    },
  ]);
});
