import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ImagePlan, Plan } from '../../src/plan/types.ts';
import { type Case, cases } from '../recipes/cekit/dockerfile/cases/index.ts';
import { buildArguments, dockerfileCases, variables } from '../recipes/cekit/value-cases.ts';
import { has } from '../support/tools.ts';
import { buildWithBuildah, configOf, prepareForBuildah, withoutTimes } from './buildah.ts';
import { planAndTarget, writeDescriptor } from './descriptors.ts';
import { readImage } from './images.ts';
import { buildImages } from './plans.ts';
import { changedBusybox, umoci } from './roots.ts';
import { type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

/** Descriptors of every section of the reference. */
const compared = [
  'files and a directory for an image without base',
  'artifacts without dest, which are removed in the end',
  'targets with directories in front, and a dest below the working directory',
  'names with spaces and characters of patterns',
  'every part of a module and of its image in its place',
  'what a dependency says of running over what its module says, and the image over both',
  'apt-get with one update for all that a section does',
  'values as Python prints them, by name, with nothing dropped but what has no value',
  'quotes and dollars as text of a Dockerfile, and escaped where they would be none',
  'arguments with values, with empty ones and without',
  'ports with their protocols, without those that are hidden',
  'volumes one by one',
  'what runs, with variables that are left to the container',
  'an empty command, and words with quotes as they are',
  'stages on earlier stages',
];

const workspace = useWorkspace();
const base = join(workspace.path, 'base');
const buildahPath = join(workspace.path, 'buildah');

beforeAll(() => {
  const reference = `${base}:latest`;
  changedBusybox(workspace, reference, root => {
    prepareForBuildah(root);
    // Directories of volumes, which buildah would make; and what is to be removed.
    const directories = ['var/tmp', 'data/x', 'a b', 'z', 'image-data', 'module-data'];
    for (const name of [...directories, 'tmp/scripts/old', 'tmp/artifacts'])
      mkdirSync(join(root, name), { recursive: true });
    // Package managers that only say what they were asked.
    for (const name of ['apt-get', 'dpkg-query']) {
      const script = '#!/bin/sh\necho "${0##*/} $*" >> /var/asked\n';
      writeFileSync(join(root, 'bin', name), script, { mode: 0o755, flush: true });
    }
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001::/:/bin/sh\n');
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\napp:x:1001:\n');
  });
  const settings = {
    env: ['PATH=/usr/bin:/bin', 'HOME=/home/base'],
    cmd: ['/bin/sh'],
    user: ['1001'],
    workingdir: ['/var'],
  };
  for (const [name, values] of Object.entries(settings))
    umoci('config', '--image', reference, ...values.flatMap(value => [`--config.${name}`, value]));
});

const pairs = (values: object) => Object.entries(values).map(([name, value]) => ({ name, value }));

/** The values of a table as labels. */
const valuesImage = JSON.stringify({
  ...{ name: 'values', version: 1, from: 'scratch' },
  labels: dockerfileCases.map(([value], i) => ({ name: `case${i}`, value })),
  ...{ args: pairs(buildArguments), envs: pairs(variables) },
});

describe.runIf(has('buildah', 'umoci'))('buildah makes the same image of', () => {
  const more = [
    { name: 'values of all kinds', files: { 'image.yaml': valuesImage }, flags: {} },
    {
      name: 'an entry point, which takes the command of the base away',
      files: { 'image.yaml': '{name: e, version: 1, from: base:1, run: {entrypoint: [/e]}}' },
      flags: {},
    },
  ];
  const examples = [...compared.map(caseOf), ...more].map((example, i) => ({ ...example, tag: `case-${i}` }));
  const projects = new Map<string, Project>();

  // One build for all of them: to start one takes longer than what is to be done.
  beforeAll(async () => {
    const images: ImagePlan[] = [];
    for (const { name, tag, files, flags } of examples) {
      const project = workspace.project();
      const based = Object.entries(files).map(([path, text]) => [
        path,
        text.replaceAll('base:1', `oci:${base}:latest`),
      ]);
      writeDescriptor(project, Object.fromEntries(based));
      const plan = await planAndTarget(project, { ...flags, tags: [tag] });
      images.push(...namedApart(plan, tag).images);
      projects.set(name, project);
    }
    await buildImages(workspace.path, images);
  });

  for (const { name, tag } of examples) {
    it(name, async () => {
      const project = projects.get(name) ?? workspace.project();
      const other = project.at('other');
      await buildWithBuildah(buildahPath, project.at('target/image'), `${other}:${tag}`, '--squash');
      const layouts = [join(workspace.path, 'oci'), other];
      const [ours, theirs] = await Promise.all(
        layouts.map(async layout => withoutTimes(await describeTree(await project.unpack(tag, layout)))),
      );
      expect(ours).toEqual(theirs);
      const [config, otherConfig] = layouts.map(layout => configOf(layout, tag));
      expect(config).toEqual(otherConfig);
    });
  }

  it('values as the table of values has them', () => {
    const { config } = readImage(join(workspace.path, 'oci'), `case-${compared.length}`).config;
    const labels = config?.Labels ?? {};
    expect(dockerfileCases.map(([value], i) => [value, labels[`case${i}`]])).toEqual(dockerfileCases);
  });
});

/** The plan with names that no other plan has. */
function namedApart({ images }: Plan, prefix: string): Plan {
  const names = new Set(images.map(({ name }) => name));
  const apart = (name: unknown) => (typeof name === 'string' && names.has(name) ? `${prefix} ${name}` : name);
  const renamed = JSON.stringify(images, (key, value: unknown) => (key === 'image' ? apart(value) : value));
  return {
    images: (JSON.parse(renamed) as ImagePlan[]).map(image => ({
      ...image,
      name: `${prefix} ${image.name}`,
    })),
  };
}

function caseOf(name: string): Case {
  const found = cases.find(one => one.name === name);
  if (!found) throw new Error(`there is no case ${name}`);
  return found;
}
