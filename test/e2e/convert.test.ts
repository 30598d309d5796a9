import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/support/process.ts';
import { has } from '../support/tools.ts';
import { buildWithBuildah, configOf, prepareForBuildah, withoutTimes } from './buildah.ts';
import { examples } from './dockerfiles.ts';
import { changedBusybox, umoci } from './roots.ts';
import { failureOf, output, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const workspace = useWorkspace();
const base = join(workspace.path, 'base');

beforeAll(() => {
  const reference = `${base}:latest`;
  changedBusybox(workspace, reference, root => {
    prepareForBuildah(root);
    for (const name of ['home/app', 'usr/sbin', 'var/tmp']) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/false\nother:x:1001:1001::/:/bin/sh\n',
    );
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\napp:x:1000:\nother:x:1001:\n');
    // The shell of busybox would take its own chroot.
    installProgram('chroot', root);
    installProgram('dash', root);
    rmSync(join(root, 'bin/sh'));
    symlinkSync('/usr/bin/dash', join(root, 'bin/sh'));
  });
  const variables = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'FROM_BASE=yes'];
  const settings = variables.flatMap(variable => ['--config.env', variable]);
  umoci('config', '--image', reference, ...settings, '--config.cmd', '/bin/sh');
});

/** Copies a program of this machine and its libraries to the same places of a root. */
function installProgram(name: string, root: string): void {
  const program = findProgram(name);
  if (program === undefined) throw new Error(`the tests need ${name}`);
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  rmSync(join(root, 'bin', name), { force: true });
  for (const path of [program, ...libraries]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}

const oracle = has('buildah', 'umoci');

describe.runIf(oracle)('the image of a converted Dockerfile is the one that buildah makes:', () => {
  for (const { title, dockerfile, older, context, lost = {} } of examples) {
    it(title, async () => {
      const project = workspace.project();
      context(project);
      const onBase = (text: string) => text.trimStart().replaceAll('BASE', `oci:${base}:latest`);
      const buildah = join(workspace.path, `buildah-of-${title.replaceAll(/\W+/g, '-')}`);
      mkdirSync(buildah);
      await output('cp', ['-a', project.path, join(buildah, 'context')]);
      writeFileSync(join(buildah, 'context/Dockerfile'), onBase(older ?? dockerfile));
      project.write('Dockerfile', onBase(dockerfile));

      const converted = await project.ashlar(['convert']);
      expect(converted).toMatchObject({ status: 0 });
      const stackerFile = readFileSync(project.at('stacker.yaml'), 'utf8');
      await project.build(stackerFile, ['--substitute-file', 'stacker-subs.yaml']);
      const other = join(buildah, 'oci');
      // The format decides whether SHELL counts.
      await buildWithBuildah(buildah, join(buildah, 'context'), `${other}:app`, '--format=docker');

      expect(withoutTimes(await describeTree(await project.unpack('app')))).toEqual(
        withoutTimes(await describeTree(await project.unpack('app', other))),
      );
      expect({ ...configOf(project.oci, 'app'), ...lost }).toEqual(configOf(other, 'app'));
    });
  }
});

describe('ashlar convert', () => {
  it('names the place of what it cannot read', async () => {
    const project = workspace.project();
    project.write('Dockerfile', 'FROM scratch\nCOPPY a b\n');
    const text = failureOf(await project.ashlar(['convert']));
    expect(text).toContain('error: unknown Dockerfile cmd: COPPY\n  --> Dockerfile:2:1\n');
    expect(text).toContain('hint: did you mean "COPY"?');
  });

  it('takes and gives the files that its flags name, and replaces what is there', async () => {
    const project = workspace.project();
    project.write('docker/Other', 'FROM scratch\nCOPY a.txt /\nENV A=b\n');
    project.write('docker/a.txt', 'a\n');
    project.write('out.yaml', 'old\n');
    const flags = ['-i', 'docker/Other', '-o', 'out.yaml', '-s', 'subs.yaml'];
    expect(await project.ashlar(['convert', ...flags])).toMatchObject({
      status: 0,
      stdout: '',
      stderr: 'wrote out.yaml; build it with --substitute-file subs.yaml\n',
    });
    await project.build(readFileSync(project.at('out.yaml'), 'utf8'), ['--substitute-file', 'subs.yaml']);
    expect(project.image('app').config.config?.Env).toContain('A=b');
    expect(await project.fileOf('app', 'a.txt')).toBe('a\n');
  });

  it('gives arguments the values of substitutions, whatever characters are in them', async () => {
    const project = workspace.project();
    project.write(
      'Dockerfile',
      `FROM oci:${base}:latest\nARG WHAT=nothing\nENV SAID=$WHAT\nRUN printf '%s %s' "$WHAT" '$WHAT' > /said\n`,
    );
    expect(await project.ashlar(['convert'])).toMatchObject({ status: 0 });
    const value = `it's "$HOME" \\n # : {x} \`id\``;
    await project.build(readFileSync(project.at('stacker.yaml'), 'utf8'), [
      ...['--substitute-file', 'stacker-subs.yaml', '--substitute', `WHAT=${value}`, '--strict-substitution'],
    ]);
    expect(await project.fileOf('app', 'said')).toBe(`${value} $WHAT`);
    expect(project.image('app').config.config?.Env).toContain(`SAID=${value}`);
  });

  it('brings back what a mount of RUN hides', async () => {
    const project = workspace.project();
    project.write('d/file', 'from the context');
    project.write(
      'Dockerfile',
      `FROM oci:${base}:latest\nRUN mkdir /a /b && echo kept > /a/f && echo kept > /b/f\nWORKDIR /b\n` +
        'RUN --mount=type=cache,target=/a --mount=source=d,target=. ls /a > /seen && cat file >> /seen && echo x > /a/x\n',
    );
    expect(await project.ashlar(['convert'])).toMatchObject({ status: 0 });
    await project.build(readFileSync(project.at('stacker.yaml'), 'utf8'), [
      '--substitute-file',
      'stacker-subs.yaml',
    ]);
    expect(await project.fileOf('app', 'seen')).toBe('from the context');
    const tree = Object.keys(await describeTree(await project.unpack('app')));
    expect(tree.filter(path => /^\.\/[ab](\/|\.|$)/.test(path))).toEqual(['./a', './a/f', './b', './b/f']);
  });

  it('says what has no place in a stacker file, in the log and in the file', async () => {
    const project = workspace.project();
    project.write(
      'Dockerfile',
      'FROM scratch\nEXPOSE 80\nHEALTHCHECK --interval=5s CMD true\nENTRYPOINT ["x"]\n',
    );
    const { status, stderr } = await project.ashlar(['convert']);
    expect(status).toBe(0);
    expect(stderr).toContain('EXPOSE 80 has no place in a stacker file (Dockerfile:2:1)\n');
    expect(stderr).toContain('\nunknown Dockerfile cmd: HEALTHCHECK: ');
    expect(readFileSync(project.at('stacker.yaml'), 'utf8')).toContain('# Line 2: EXPOSE 80 has no place');
  });

  it('goes on without a base that cannot be asked', async () => {
    const project = workspace.project();
    // Nobody listens there.
    project.write('Dockerfile', 'FROM 127.0.0.1:1/none\nENV PATH=/x:$PATH\n');
    const { status, stderr } = await project.ashlar(['convert']);
    expect(status).toBe(0);
    expect(stderr).toContain(
      'the environment of 127.0.0.1:1/none is not known here: RUN sees only what the Dockerfile sets (Dockerfile:1:1)',
    );
    expect(readFileSync(project.at('stacker.yaml'), 'utf8')).toContain(
      'PATH: /x:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n',
    );
  });

  it('complains about a Dockerfile that is not there', async () => {
    const project = workspace.project();
    expect(failureOf(await project.ashlar(['convert', '-i', 'Nowhere']))).toContain(
      "couldn't read Dockerfile Nowhere",
    );
  });
});
