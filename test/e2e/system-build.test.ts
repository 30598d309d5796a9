import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { type Ended, failureOf, output, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
let project: Project;

const repository =
  '<repository type="apt-deb" alias="d"><source path="https://who:secret@repo.example/debian"/></repository>';

/** Systems of nothing but an overlay, and of packages that nobody has. */
function description(more: string): string {
  return `<image schemaversion="8.5" name="Tiny">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <profiles><profile name="big" description="with packages"/></profiles>
  <preferences>
    <version>1.2.3</version><packagemanager>apt</packagemanager>
    <type image="tbz" primary="true"/><type image="cpio"/>
  </preferences>
  ${more}
</image>
`;
}

beforeAll(() => {
  project = workspace.project();
  project.write(
    'new/config.xml',
    description(
      `<users><user name="root" password="opensesame" pwdformat="plain"/></users>${repository}
<packages type="image" profiles="big"><package name="hello"/></packages>
<packages type="bootstrap" profiles="big"><package name="base-files"/></packages>`,
    ),
  );
  project.write('new/root/etc/issue', 'first\n');
  project.write('new/root/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  project.write('new/root/etc/group', 'root:x:0:\n');
  mkdirSync(project.at('elsewhere'));
});

async function ashlar(...words: readonly string[]): Promise<Ended> {
  const ended = await project.ashlar(words);
  if (ended.status !== 0) throw new Error(`it ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
  return ended;
}

const build = () => ashlar('system', 'build', '--description', 'new', '--target-dir', 'target');
const explain = async () =>
  (await ashlar('explain', '--description', 'new', '--target-dir', 'target')).stdout;

describe('a KIWI description', () => {
  it('is planned by the command for all descriptions', async () => {
    const { stdout } = await ashlar('plan', '--description', 'new');
    expect(stdout).toMatch(/^Tiny \(build only\)\n {2}from {4}nothing\n/);
    expect(stdout).toContain('output  Tiny.x86_64-1.2.3.tar.xz (archive)');
    expect(stdout).not.toContain('hello');
    const big = await ashlar('plan', '--description', 'new', '--profile', 'big', '--type', 'cpio');
    expect(big.stdout).toContain('packages apt repository d = https://');
    expect(big.stdout).toContain('packages apt install hello');
    expect(big.stdout).toContain('output  Tiny.x86_64-1.2.3.cpio (archive)');
    const stacked = await ashlar('plan', '--description', 'new', '--stash', 'low', '--stash', 'high:2');
    expect(stacked.stdout).toMatch(/^Tiny \(build only\)\n {2}from {4}low \+ high:2\n/);
  });

  it('has no passwords in its plan', async () => {
    for (const more of [[], ['--json']]) {
      const { stdout } = await ashlar('plan', '--description', 'new', '--profile', 'big', ...more);
      expect(stdout).toContain('repo.example');
      expect(stdout).not.toMatch(/secret|opensesame/);
    }
  });

  it('is not mixed with others', async () => {
    const wrong = async (...words: readonly string[]) => failureOf(await project.ashlar(['plan', ...words]));
    expect(await wrong('--profile', 'big')).toContain('--profile is for KIWI descriptions, and there is no');
    expect(await wrong('--description', 'new', '-f', 'x.yaml')).toContain(
      '--stacker-file is for other formats',
    );
    expect(await wrong('--description', 'new', '--substitute', 'a=b')).toContain(
      '--substitute is for stacker',
    );
    expect(await wrong('--description', 'new', '--redhat')).toContain('--redhat is for CEKit descriptors');
    expect(await wrong('--description', 'elsewhere')).toContain('no XML description found in');
  });

  it('is linted', async () => {
    const words = ['lint', '--description'];
    expect((await ashlar(...words, 'new')).stdout).toMatch(/^0 errors, \d+ warnings?\n$/m);
    project.write('wrong/config.xml', description('<pakages/>').replace('cpio', 'iso'));
    const { status, stdout } = await project.ashlar([...words, 'wrong', '--json']);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([{ rule: 'error', at: { line: 8 } }]);
    project.write('odd/config.xml', description('').replace('cpio', 'iso'));
    expect(JSON.parse((await ashlar(...words, 'odd', '--json')).stdout)).toEqual([]);
  });

  it.runIf(has('xz'))(
    'leaves a log beside the tree of its system, and none of a build that fails',
    async () => {
      const words = ['system', 'build', '--description', 'new', '--target-dir'];
      const { stderr } = await ashlar(...words, 'logged', '--quiet');
      expect(stderr).toBe('');
      const log = readFileSync(project.at('logged/build/image-root.log'), 'utf8');
      expect(log).toMatch(/^preparing image Tiny\.\.\.\n/m);
      expect(log).toMatch(/^made Tiny\.x86_64-1\.2\.3\.tar\.xz \(\S+ k?B\)\n/m);
      expect(log).not.toContain('opensesame');
      await ashlar(...words, 'silent', '--logfile', project.at('own.log'));
      expect(readdirSync(project.at('silent/build'))).toEqual(['image-root']);
      expect(readFileSync(project.at('own.log'), 'utf8')).toContain('preparing image Tiny...\n');
      project.write('bad/config.xml', description(''));
      project.write('bad/config.sh', 'exit 1\n');
      const bad = ['system', 'build', '--description', 'bad', '--target-dir', 'failed'];
      const failed = await project.ashlar(bad);
      expect(failed.status).toBe(1);
      expect(existsSync(project.at('failed'))).toBe(false);
    },
  );

  it.runIf(has('xz'))('has results that are listed and bundled', async () => {
    await ashlar('system', 'build', '--description', 'new', '--target-dir', 'results');
    const stem = 'Tiny.x86_64-1.2.3';
    const { stdout: list } = await ashlar('system', 'result', 'list', '--target-dir', 'results');
    expect(list).toContain(`root_archive: ${project.at('results', `${stem}.tar.xz`)}\n`);
    const words = ['system', 'result', 'bundle', '--target-dir', 'results', '--id', 'rc1', '--bundle-dir'];
    const { stdout } = await ashlar(...words, 'bundle');
    const bundled = ['changes.xz', 'packages', 'verified', 'tar.xz', 'tar.xz.sha256'];
    expect(stdout.trim().split('\n')).toEqual(
      bundled.map(suffix => project.at('bundle', `${stem}-rc1.${suffix}`)),
    );
    expect(readdirSync(project.at('bundle'))).toHaveLength(bundled.length);
    await output('sha256sum', ['--check', '--strict', `${stem}-rc1.tar.xz.sha256`], {
      cwd: project.at('bundle'),
    });
    await output('xz', ['--test', project.at('bundle', `${stem}-rc1.changes.xz`)]);
    const bytes = (...path: readonly string[]) => readFileSync(project.at(...path));
    const archive = bytes('results', `${stem}.tar.xz`);
    expect(bytes('bundle', `${stem}-rc1.tar.xz`).equals(archive)).toBe(true);
    const same = await project.ashlar([...words, 'results']);
    const message = 'error: Bundle directory must be different from target directory\n';
    expect(same).toMatchObject({ status: 2, stderr: message });
  });

  it.runIf(has('xz'))('is explained by its last build', async () => {
    expect(await explain()).toBe('Tiny: never built\nTiny result: never built\n');
    await build();
    expect(await explain()).toBe('Tiny: up to date\nTiny result: up to date\n');
    project.write('new/root/etc/issue', 'second\n');
    expect(await explain()).toMatch(/^Tiny: changed\n {2}step 3 .*\n {4}etc\/issue\n/);
    const without = await project.ashlar(['explain', '--description', 'new']);
    expect(failureOf(without)).toContain('--target-dir is missing');
  });
});
