import { describe, expect, it } from 'vitest';
import { imagesWithPackages, lockOf } from '../../../src/recipes/cekit/locking.ts';
import type { Artifact, Description } from '../../../src/recipes/cekit/model.ts';
import { planned } from './plan/planning.ts';
import { at, located, section, stage } from './stage.ts';

const fromImage = (image: string): Artifact => ({
  ...{ kind: 'image', name: 'x', target: 'x', dest: '/opt/', at },
  ...{ image: located(image), path: located('/x') },
});
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

describe('what a build has found out', () => {
  const stages = [
    {
      name: located('builder'),
      from: located('golang:1'),
      image: section({ install: [located('gcc'), located('@tools')] }),
    },
    {
      name: located('org/app'),
      from: located('scratch'),
      image: section({ artifacts: [fromImage('builder'), fromImage('busybox')] }),
    },
  ];
  const [builder, target] = stages.map(stage) as [Description['target'], Description['target']];
  const description = { builders: [builder], target };

  it('is locked by the names that the descriptor has for it', async () => {
    const { plan } = await planned(stages);
    expect([...imagesWithPackages(description, plan)]).toEqual(['builder']);
    const facts = {
      images: new Map([
        ['docker://docker.io/library/golang:1', digest('a')],
        ['docker://docker.io/library/busybox:latest', digest('b')],
      ]),
      downloads: new Map([['https://h/f', 'c'.repeat(64)]]),
      packages: new Map([['builder', new Map([['gcc', '12.2-1']])]]),
    };
    expect(
      lockOf(description, plan, facts, new Map([['url#main', 'd'.repeat(40)]]), { cwd: '/work' }),
    ).toEqual({
      images: { 'golang:1': digest('a'), busybox: digest('b') },
      repositories: { 'url#main': 'd'.repeat(40) },
      artifacts: { 'https://h/f': 'c'.repeat(64) },
      packages: { builder: { gcc: '12.2-1', '@tools': '*' } },
    });
  });

  it('is what the image of the last of several platforms has', async () => {
    const platforms = ['amd64', 'arm64'].map(architecture => ({ os: 'linux', architecture }));
    const { plan } = await planned(stages, { platforms });
    expect([...imagesWithPackages(description, plan)]).toEqual(['builder@linux/arm64']);
  });
});
