import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { type Ended, output, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
let project: Project;

const stem = 'Tiny.x86_64-1.2.3';

/** A system of nothing but an overlay. */
const description = `<image schemaversion="8.5" name="Tiny">
  <description type="system"><author>A</author><specification>S</specification></description>
  <preferences><version>1.2.3</version><packagemanager>apt</packagemanager><type image="tbz"/></preferences>
</image>
`;

async function ashlar(...words: readonly string[]): Promise<Ended> {
  const ended = await project.ashlar(words);
  if (ended.status !== 0) throw new Error(`it ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  return ended;
}

const buildInto = (target: string, ...more: readonly string[]) =>
  ashlar(
    'system',
    'build',
    '--target-arch',
    'x86_64',
    '--description',
    'new',
    '--target-dir',
    target,
    ...more,
  );

describe.runIf(has('xz'))('system build', () => {
  beforeAll(async () => {
    project = workspace.project();
    project.write('new/config.xml', description);
    project.write('new/root/etc/issue', 'first\n');
    const { stderr } = await buildInto('target', '--quiet');
    expect(stderr).toBe('');
  });

  it('leaves a log beside the tree, unless there is one elsewhere', async () => {
    const log = readFileSync(project.at('target/build/image-root.log'), 'utf8');
    expect(log).toMatch(/^preparing image Tiny\.\.\.\n/m);
    expect(log).toMatch(/^made Tiny\.x86_64-1\.2\.3\.tar\.xz \(\S+ k?B\)\n/m);
    await buildInto('silent', '--logfile', project.at('own.log'));
    expect(readdirSync(project.at('silent/build'))).toEqual(['image-root']);
    expect(readFileSync(project.at('own.log'), 'utf8')).toContain('preparing image Tiny...\n');
  });

  it('leaves nothing when it fails', async () => {
    project.write('bad/config.xml', description);
    project.write('bad/config.sh', 'exit 1\n');
    const bad = ['system', 'build', '--description', 'bad', '--target-dir', 'failed'];
    expect((await project.ashlar(bad)).status).toBe(1);
    expect(existsSync(project.at('failed'))).toBe(false);
  });

  it.each(['kiwi.result.json', `${stem}.tar.xz.sha256`, 'build/image-root.log'])(
    'leaves no result without what is said of it, where %s is in the way',
    async file => {
      project.write(`taken/${file}/x`, '');
      const words = ['--target-arch', 'x86_64', '--description', 'new', '--target-dir', 'taken'];
      const { status, stderr } = await project.ashlar(['system', 'build', ...words]);
      expect(status).toBe(1);
      expect(stderr).toContain(`${file} is a directory, and a result has that name`);
      expect(existsSync(project.at('taken', `${stem}.tar.xz`))).toBe(false);
      rmSync(project.at('taken'), { recursive: true });
    },
  );

  it('has results that are listed and bundled', async () => {
    const { stdout: list } = await ashlar('system', 'result', 'list', '--target-dir', 'target');
    expect(list).toContain(`root_archive: ${project.at('target', `${stem}.tar.xz`)}\n`);
    const words = ['system', 'result', 'bundle', '--target-dir', 'target', '--id', 'rc1'];
    const { stdout } = await ashlar(...words, '--bundle-dir', 'bundle');
    const bundled = ['changes.xz', 'packages', 'verified', 'tar.xz', 'tar.xz.sha256'];
    const paths = bundled.map(suffix => project.at('bundle', `${stem}-rc1.${suffix}`));
    expect(stdout.trim().split('\n')).toEqual(paths);
    expect(readdirSync(project.at('bundle'))).toHaveLength(bundled.length);
    const sums = ['--check', '--strict', `${stem}-rc1.tar.xz.sha256`];
    await output('sha256sum', sums, { cwd: project.at('bundle') });
    await output('xz', ['--test', project.at('bundle', `${stem}-rc1.changes.xz`)]);
    const archive = readFileSync(project.at('target', `${stem}.tar.xz`));
    expect(readFileSync(project.at('bundle', `${stem}-rc1.tar.xz`)).equals(archive)).toBe(true);
  });

  it('is explained by the last one into the same directory', async () => {
    const explain = async (target: string) => {
      const words = ['explain', '--target-arch', 'x86_64', '--description', 'new', '--target-dir', target];
      return (await ashlar(...words)).stdout;
    };
    expect(await explain('other')).toBe('Tiny: never built\nTiny result: never built\n');
    expect(await explain('target')).toBe('Tiny: up to date\nTiny result: up to date\n');
    project.write('new/root/etc/issue', 'second\n');
    expect(await explain('target')).toMatch(/^Tiny: changed\n {2}step 3 .*\n {4}etc\/issue\n/);
  });
});
