/** What is different between two images, with umoci and GNU tools as witnesses. */
import { symlinkSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ImageDiff } from '../../src/engine/index.ts';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { dpkgStatus, packTar, umoci } from './roots.ts';
import { failureOf, output, type Project, useWorkspace } from './support.ts';
import { type Description, describeTree } from './trees.ts';

const workspace = useWorkspace();

/** In it the images are built, and stay as they are. */
let project: Project;
beforeAll(() => {
  project = workspace.project();
  project.write('root/etc/kept', 'kept\n');
  project.write('root/etc/mode', 'mode\n', 0o600);
  project.write('root/etc/changed', 'old\n');
  project.write('root/gone/a/b', 'b\n');
  project.write('root/var/lib/dpkg/status', dpkgStatus('libc 1.0', 'curl 8.0~rc1', 'old 3'));
  symlinkSync('kept', project.at('root/etc/link'));
  packTar(project.at('root'), project.at('base.tar'));
  project.write('upper/.wh.gone', '');
  project.write('upper/etc/changed', 'newer\n');
  project.write('upper/etc/mode', 'mode\n', 0o644);
  project.write('upper/opt/new/file', 'new\n');
  project.write('upper/var/lib/dpkg/status', dpkgStatus('libc 1.0', 'curl 8.0', 'new 2'));
  symlinkSync('mode', project.at('upper/etc/link'));
  packTar(project.at('upper'), project.at('upper.tar'));
  const image = (tag: string) => ['--image', `${project.oci}:${tag}`];
  umoci('init', '--layout', project.oci);
  umoci('new', ...image('base'));
  umoci('raw', 'add-layer', ...image('base'), project.at('base.tar'));
  umoci('config', ...image('base'), '--config.env', 'A=1', '--config.label', 'same=x');
  for (const tag of ['same', 'upper']) umoci('tag', ...image('base'), tag);
  umoci('raw', 'add-layer', ...image('upper'), project.at('upper.tar'));
  umoci('config', ...image('upper'), '--config.env', 'A=2', '--config.entrypoint', '/opt/new/file');
});

async function diff(...args: readonly string[]): Promise<ImageDiff> {
  const { status, stdout, stderr } = await project.ashlar(['diff', '--json', ...args]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** What two trees hold differently as GNU tools see it: path and kind of change. */
function differences(before: Description, after: Description): readonly string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths.flatMap(path => {
    const [one, other] = [before[path], after[path]];
    const name = path === '.' ? '/' : path.slice(1);
    if (!one) return [`added ${name}`];
    if (!other) return [`removed ${name}`];
    const facts = ({ type, mode, owner, target, sha256, xattrs }: typeof one) =>
      JSON.stringify([type, mode, owner, target, sha256, xattrs]);
    return facts(one) === facts(other) ? [] : [`changed ${name}`];
  });
}

describe('diff', () => {
  it('tells of the same paths as the unpacked trees', async () => {
    const trees = await Promise.all(
      ['base', 'upper'].map(async tag => describeTree(await project.unpack(tag))),
    );
    const [before = {}, after = {}] = trees;
    const expected = differences(before, after);
    expect(expected).toContain('removed /gone/a/b');
    const { paths } = await diff('base', 'upper');
    expect(paths.map(({ change, path }) => `${change} ${path}`).sort()).toEqual(expected.toSorted());
    const back = await diff('upper', 'base');
    expect(back.paths.map(({ change, path }) => `${change} ${path}`).sort()).toEqual(
      differences(after, before).toSorted(),
    );
  });

  it('shows packages, config and paths to people', async () => {
    const { stdout, stderr } = await project.ashlar(['diff', 'base', 'upper']);
    expect(stdout.split('\n')).toEqual([
      'packages',
      '  ~ curl  8.0~rc1 -> 8.0  dpkg, upgraded',
      '  + new   2               dpkg',
      '  - old   3               dpkg',
      '',
      'config',
      '  + entrypoint     ["/opt/new/file"]',
      '  ~ environment A  1 -> 2',
      '',
      'paths',
      '  ~ /etc/changed          content (4 B -> 6 B)',
      '  ~ /etc/link             link (kept -> mode)',
      '  ~ /etc/mode             mode (0600 -> 0644)',
      '  - /gone/                1 file, 2 B',
      '  + /opt/                 1 file, 4 B',
      expect.stringMatching(/^ {2}~ \/var\/lib\/dpkg\/status {2}content \(\d+ B -> \d+ B\)$/),
      '',
      '3 paths added, 4 changed, 3 removed; 1 package installed, 1 removed, 1 upgraded; 2 settings; layers shared: 1 (of 1 and 2)',
      '',
    ]);
    expect(stderr).toBe('');
  });

  it('says that there is no difference, and tells scripts by its exit code', async () => {
    const same = await project.ashlar(['diff', '--exit-code', 'base', 'oci:oci:same']);
    expect(same).toEqual({
      status: 0,
      stdout: 'no differences; layers shared: 1 (of 1 and 1)\n',
      stderr: '',
    });
    expect((await project.ashlar(['diff', '--exit-code', 'base', 'upper'])).status).toBe(1);
  });

  it.runIf(has('skopeo', 'docker-registry'))('compares with an image in a registry', async () => {
    await using registry = await startRegistry();
    const image = `docker://${registry.host}/a/upper:1`;
    await output('skopeo', ['copy', '--dest-tls-verify=false', `oci:${project.oci}:upper`, image]);
    const insecure = `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`;
    const env = { CONTAINERS_REGISTRIES_CONF: project.write('registries.conf', insecure) };
    const ended = await project.ashlar(['diff', image, 'base'], { env });
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^ {2}- \/opt\/ +1 file, 4 B$/m);
  });

  it('says what is missing', async () => {
    expect(failureOf(await project.ashlar(['diff', 'base', 'none']))).toContain(
      'error: tag none is not in the OCI layout',
    );
  });
});
