import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { changedBusybox } from './roots.ts';
import { output, type Project, useWorkspace, type Variables } from './support.ts';
import { describeTree } from './trees.ts';

/** The two examples of CEKit's chapter on base images, as they are written there. */
const scratchExample = `
name: "cekit-scratch"
version: "1.0.0"
from: "scratch"
description: "Minimal scratch example"

labels:
  - name: "io.cekit.test"
    value: "This is a CEKit test label"

envs:
  - name: "CEKIT_TEST"
    value: "test"

artifacts:
  # Both files will be added to a /files directory in the container image
  # The /files directory itself will be created
  - name: "file1"
    path: metadata/test-file.txt
    dest: /files/
  - name: "file2"
    path: metadata/other.txt
    dest: /files/
  # Whole 'metadata' directory (path relative to image descriptor) will be copied to
  # the container and placed in /target directory
  - name: "dir"
    path: metadata
    dest: /target
`;

const stagesExample = `
- name: builder
  version: 1.0.0
  from: golang:1.7.3
  modules:
    repositories:
      - path: modules
    install:
      # Module required to build the application
      - name: build

- name: some/app
  version: 12
  from: scratch
  description: Our application

  artifacts:
    - name: application
      # Name of the image from where the binary will be copied
      image: builder
      # Path where the binary can be found in the 'builder' image
      path: /tmp/scripts/build/hello-world
      # Target file name of the artifact
      target: entrypoint
      # Destination directory in the image
      dest: /bin

  run:
    entrypoint: ["/bin/entrypoint"]
`;

const workspace = useWorkspace();

/** Builds what the directory describes; returns all that was said. */
async function built(project: Project, env: Variables = {}): Promise<string> {
  const { status, stdout, stderr } = await project.ashlar(['build'], { env });
  if (status !== 0) throw new Error(stderr);
  return stdout + stderr;
}

/** The digests of two builds by people who know nothing of each other, and of one more of the second. */
async function digestsOf(projects: readonly Project[], tag: string): Promise<readonly string[]> {
  for (const project of projects) await built(project);
  const digests = projects.map(project => project.image(tag).digest);
  const [again] = projects.slice(-1);
  if (again) await built(again);
  return [...digests, ...(again ? [again.image(tag).digest] : [])];
}

/** Paths with type, mode and owner. */
async function outline(root: string): Promise<readonly string[]> {
  const tree = await describeTree(root);
  return Object.entries(tree).map(([path, { type, mode, owner }]) => `${path} ${type} ${mode} ${owner}`);
}

describe.runIf(has('umoci'))('the example with files on nothing', () => {
  function example(store: 'shared' | 'own'): Project {
    const project = workspace.project(store);
    project.write('image.yaml', scratchExample);
    project.write('metadata/test-file.txt', 'test\n');
    project.write('metadata/other.txt', 'other\n', 0o600);
    project.write('metadata/deep/.hidden', 'hidden\n');
    return project;
  }

  it('has the files, labels and variables that it says, in one layer', async () => {
    const project = example('shared');
    await built(project);
    expect(project.tags()).toEqual(['cekit-scratch:1.0.0', 'cekit-scratch:latest']);
    const image = project.image('cekit-scratch:1.0.0');
    expect(image.layers).toHaveLength(1);
    const root = await project.unpack('cekit-scratch:latest');
    expect(await outline(root)).toEqual([
      '. d 755 0:0',
      './files d 755 0:0',
      './files/file1 f 644 0:0',
      './files/file2 f 600 0:0',
      './target d 755 0:0',
      './target/deep d 755 0:0',
      './target/deep/.hidden f 644 0:0',
      './target/other.txt f 600 0:0',
      './target/test-file.txt f 644 0:0',
    ]);
    expect(await project.fileOf('cekit-scratch:latest', 'files/file1')).toBe('test\n');
    const { 'io.cekit.version': version, ...labels } = image.config.config?.Labels ?? {};
    expect(version).toMatch(/./);
    expect(labels).toEqual({
      description: 'Minimal scratch example',
      summary: 'Minimal scratch example',
      'io.cekit.test': 'This is a CEKit test label',
    });
    const { Labels: _, ...config } = image.config.config ?? {};
    // No user, no command.
    expect(config).toEqual({
      Env: ['CEKIT_TEST=test', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    });
  });

  it('is the same image wherever and whenever it is built', async () => {
    const digests = await digestsOf([example('shared'), example('own')], 'cekit-scratch:latest');
    expect(digests).toEqual(Array(3).fill(digests[0]));
  });
});

/** A program without libraries. */
const source = `
static long call(long n, long a, const char *b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
void _start(void) { call(1, 1, "hello, world\\n", 13); call(60, 0, 0, 0); }
`;

describe.runIf(has('umoci', 'dpkg-deb', 'apt-get') && process.arch === 'x64')(
  'the example with two stages',
  () => {
    const base = join(workspace.path, 'golang');

    beforeAll(() => {
      changedBusybox(workspace, `${base}:1.7.3`, installCompiler);
    });

    function example(store: 'shared' | 'own'): Project {
      const project = workspace.project(store);
      project.write('image.yaml', stagesExample.replace('golang:1.7.3', `oci:${base}:1.7.3`));
      project.write(
        'modules/build/module.yaml',
        'name: build\nversion: "1.0"\nexecute:\n  - script: build.sh\n',
      );
      project.write(
        'modules/build/build.sh',
        'set -e\ncd /tmp/scripts/build\ntcc -static -nostdlib -o hello-world hello.c\n',
      );
      project.write('modules/build/hello.c', source);
      return project;
    }

    it('has nothing but the program, and that runs', async () => {
      const project = example('shared');
      const log = await built(project);
      // `sh -x` says what it does.
      expect(log).toContain('+ tcc -static -nostdlib -o hello-world hello.c');
      expect(project.tags()).toEqual(['some/app:12', 'some/app:latest']);
      const image = project.image('some/app:12');
      expect(image.layers).toHaveLength(1);
      expect(image.config.config).toMatchObject({ Entrypoint: ['/bin/entrypoint'] });
      expect(image.config.config?.Labels).toMatchObject({
        description: 'Our application',
        summary: 'Our application',
      });
      const root = await project.unpack('some/app:12');
      expect(await outline(root)).toEqual(['. d 755 0:0', './bin d 755 0:0', './bin/entrypoint f 755 0:0']);
      expect(await output(join(root, 'bin/entrypoint'), [])).toBe('hello, world\n');
    });

    it('is the same image when it is compiled anew', async () => {
      const digests = await digestsOf([example('shared'), example('own')], 'some/app:latest');
      expect(digests).toEqual(Array(3).fill(digests[0]));
    });
  },
);

/** A small compiler of Debian, with the libraries that it has here. */
function installCompiler(root: string): void {
  const script = fileURLToPath(new URL('../../scripts/debian-packages', import.meta.url));
  const packages = execFileSync(script, ['compiler', 'tcc'], { encoding: 'utf8' }).trim();
  for (const name of readdirSync(packages).filter(name => name.endsWith('.deb')))
    execFileSync('dpkg-deb', ['--extract', join(packages, name), root]);
  const libraries =
    execFileSync('ldd', [join(root, 'usr/bin/tcc')], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const path of libraries) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(realpathSync(path), join(root, dirname(path), basename(path)));
  }
}
