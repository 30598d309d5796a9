import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CekitOptions } from '../../src/recipes/cekit/options.ts';
import { type Case, cases } from '../recipes/cekit/dockerfile/cases/index.ts';
import { buildArguments, dockerfileCases, variables } from '../recipes/cekit/value-cases.ts';
import { has } from '../support/tools.ts';
import { type DescriptorFiles, planAndTarget, writeDescriptor } from './descriptors.ts';
import { readImage } from './images.ts';
import { buildImages } from './plans.ts';
import { busyboxRoot, packTar, umoci } from './roots.ts';
import { outputAsRoot, type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

/** Descriptors of every section of the reference. */
const compared = [
  'files and a directory for an image without base',
  'artifacts without dest, which are removed in the end',
  'destinations in order, whatever the case of their letters',
  'targets with directories in front, and a dest below the working directory',
  'names with spaces and characters of patterns',
  'every part of a module and of its image in its place',
  'what a dependency says of running over what its module says, and the image over both',
  'versions of one module in two stages from their own directories',
  'apt-get with one update for all that a section does',
  'values as Python prints them, by name, with nothing dropped but what has no value',
  'quotes and dollars as text of a Dockerfile, and escaped where they would be none',
  'values that mean themselves where that is asked for',
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
  const directory = join(workspace.path, 'root');
  mkdirSync(directory);
  busyboxRoot(directory);
  const root = join(directory, 'busybox');
  // What a build with buildah would otherwise add, directories of volumes among it; and what is to be removed.
  const directories = [
    'dev',
    'proc',
    'run',
    'sys',
    'var/tmp',
    'data/x',
    'a b',
    'z',
    'image-data',
    'module-data',
  ];
  for (const name of [...directories, 'tmp/scripts/old', 'tmp/artifacts'])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ['hosts', 'hostname', 'resolv.conf']) writeFileSync(join(root, 'etc', name), '');
  // Package managers that only say what they were asked.
  for (const name of ['apt-get', 'dpkg-query']) {
    const script = '#!/bin/sh\necho "${0##*/} $*" >> /var/asked\n';
    writeFileSync(join(root, 'bin', name), script, { mode: 0o755, flush: true });
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001::/:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\napp:x:1001:\n');
  const tar = join(directory, 'base.tar');
  packTar(root, tar);
  const image = ['--image', `${base}:latest`];
  umoci('init', '--layout', base);
  umoci('new', ...image);
  umoci('raw', 'add-layer', ...image, tar);
  const settings = {
    env: ['PATH=/usr/bin:/bin', 'HOME=/home/base'],
    cmd: ['/bin/sh'],
    user: ['1001'],
    workingdir: ['/var'],
  };
  for (const [name, values] of Object.entries(settings))
    umoci('config', ...image, ...values.flatMap(value => [`--config.${name}`, value]));
});

const onBase = (text: string) => text.replaceAll('base:1', `oci:${base}:latest`);

describe.runIf(has('buildah', 'umoci'))('buildah makes the same image of', () => {
  for (const name of compared) {
    it(name, async () => {
      const { files, flags } = caseOf(name);
      const project = workspace.project();
      const based = Object.entries(files).map(([path, text]) => [path, onBase(text)]);
      await compare(project, Object.fromEntries(based), flags);
    });
  }

  it('values of all kinds, with what the table of values says of them', async () => {
    const pairs = (values: object) => Object.entries(values).map(([name, value]) => ({ name, value }));
    const labels = Object.fromEntries(dockerfileCases.map(([value], i) => [`case${i}`, value]));
    const image = {
      ...{ name: 'values', version: 1, from: 'scratch', labels: pairs(labels) },
      ...{ args: pairs(buildArguments), envs: pairs(variables) },
    };
    const project = workspace.project();
    await compare(project, { 'image.yaml': JSON.stringify(image) });
    const { Labels = {} } = readImage(project.oci, 'app').config.config ?? {};
    expect(dockerfileCases.map(([value], i) => [value, Labels[`case${i}`]])).toEqual(dockerfileCases);
  });
});

function caseOf(name: string): Case {
  const found = cases.find(one => one.name === name);
  if (!found) throw new Error(`there is no case ${name}`);
  return found;
}

/** Builds a descriptor, and with buildah what is printed for it, and holds both against each other. */
async function compare(project: Project, files: DescriptorFiles, flags: Partial<CekitOptions> = {}) {
  writeDescriptor(project, files);
  const plan = await planAndTarget(project, flags);
  const other = project.at('other');
  await Promise.all([
    buildImages(project.path, plan.images, { store: workspace.store }),
    buildWithBuildah(project.at('target/image'), other),
  ]);
  const [ours, theirs] = await Promise.all([treeOf(project, project.oci), treeOf(project, other)]);
  expect(ours).toEqual(theirs);
  expect(configOf(project.oci)).toEqual(configOf(other));
}

async function buildWithBuildah(context: string, layout: string): Promise<void> {
  const storage = [
    '--storage-driver=vfs',
    `--root=${join(buildahPath, 'storage')}`,
    `--runroot=${join(buildahPath, 'run')}`,
  ];
  const options = ['--runtime=runc', 'bud', '--squash', '--isolation=chroot', '--identity-label=false'];
  await outputAsRoot('buildah', [...storage, ...options, `--tag=oci:${layout}:app`, context]);
}

/** Everything but times. */
async function treeOf(project: Project, layout: string) {
  const description = await describeTree(await project.unpack('app', layout));
  return Object.fromEntries(
    Object.entries(description).map(([path, { mtime: _, ...entry }]) => [path, entry]),
  );
}

/** Null says as much as nothing; and buildah moves a variable of the base that is set again to the end. */
function configOf(oci: string): Readonly<Record<string, unknown>> {
  const { config = {} } = readImage(oci, 'app').config;
  const sorted = { ...config, Env: config.Env?.toSorted() };
  return Object.fromEntries(Object.entries(sorted).filter(([, value]) => value !== null));
}
