import { chmodSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { readImage } from './images.ts';
import { busyboxLayout, umoci } from './roots.ts';
import { failureOf, type Project, useWorkspace } from './support.ts';
import { type Description, describeTree } from './trees.ts';

const workspace = useWorkspace();
const base = `oci:${join(workspace.path, 'base')}:busybox`;

beforeAll(() => {
  if (!has('umoci')) return;
  const layout = busyboxLayout(workspace.path);
  const set = ['--config.env', 'FROM_BASE=yes', '--config.env', 'PATH=/bin:/usr/bin'];
  umoci('config', '--image', `${layout}:busybox`, ...set, '--config.cmd', '/bin/sh', '--config.user', 'root');
});

/** Runs a command that must succeed; returns what it said in the log. */
async function done(project: Project, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await project.ashlar(args);
  if (status !== 0) throw new Error(`ashlar ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stderr;
}

/** Builds descriptors into a layout of their own. */
async function buildDescriptors(project: Project, oci: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const globals = ['--oci-dir', oci];
    const { status, stderr } = await project.ashlar(['build', '--descriptor', file], { globals });
    if (status !== 0) throw new Error(`${file}:\n${stderr}`);
  }
}

/** Everything of the tree but times, and the config. Lists of variables have no order. */
async function imageOf(project: Project, oci: string, tag: string) {
  const tree: Description = await describeTree(await project.unpack(tag, oci));
  const { config = {} } = readImage(oci, tag).config;
  return {
    tree: Object.fromEntries(Object.entries(tree).map(([path, { mtime: _, ...entry }]) => [path, entry])),
    config: { ...config, Env: config.Env?.toSorted() },
  };
}

async function imagesOf(project: Project, oci: string, tags: readonly string[]) {
  return await Promise.all(tags.map(tag => imageOf(project, oci, tag)));
}

type Files = Readonly<Record<string, string>>;

function writeAll(project: Project, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    project.write(name, text.replaceAll(/\bBASE\b/g, base), text.startsWith('#!') ? 0o755 : 0o644);
  }
  chmodSync(project.at('files/deep'), 0o700);
  symlinkSync('f', project.at('files/link'));
}

const shared: Files = {
  'files/f': 'f\n',
  'files/deep/g': 'g\n',
  'plain/sub/h': 'h\n',
  'exec.sh': '#!/bin/sh\n',
};

/** What becomes of them is called like the file. */
const descriptors: Files = {
  'scripts.yaml': `
- name: scripts-builder
  version: 1
  from: BASE
  modules: {repositories: [{path: modules}], install: [{name: make}]}
- name: scripts
  version: "2"
  description: It says "hi"
  from: BASE
  args: [{name: WHAT, value: some thing}]
  envs:
    - {name: A, value: 'a$FROM_BASE'}
    - {name: B, value: '$A-"x"-$WHAT-\${NO:-none}'}
    - {name: C, value: '$PATH:/x:$NOBODY'}
    - {name: T, value: true}
  labels: [{name: l, value: '\\$A \${FROM_BASE:+set}'}]
  ports: [{value: 80}]
  volumes: [{path: /vol}]
  modules: {repositories: [{path: modules}], install: [{name: make}, {name: use}]}
  artifacts:
    - {name: renamed, path: files/f, dest: /opt/x, target: g}
    - {name: directory, path: files, dest: /opt/d}
    - {name: owned, path: files/f, dest: /own, mode: '0600', uid: 5, gid: 6}
    - {name: built, image: scripts-builder, path: /made, dest: /usr/}
    - {name: slot, path: exec.sh, dest: /usr/}
    - {name: unused, path: files/f}
  run: {user: app, workdir: /home/w, entrypoint: [/bin/sh, '-c'], cmd: ['echo "x" $HOME', 'two']}
`,
  'nothing.yaml': `
name: nothing
version: 1.0
from: scratch
description: Files on nothing
envs: [{name: EMPTY, value: ""}, {name: ZERO, value: 0}]
artifacts:
  - {name: a, path: files/f, dest: /files/}
  - {name: kept, path: plain}
  - {name: tree, path: files, dest: /target}
run: {cmd: [/files/a]}
`,
  'stages.yaml': `
- name: stages-builder
  version: 1
  from: BASE
  modules: {repositories: [{path: modules}], install: [{name: make}]}
- name: stages-next
  version: 1
  from: stages-builder
  artifacts: [{path: plain/sub/h, dest: /made-of/}]
- name: stages
  version: 1
  from: scratch
  artifacts:
    - {image: stages-next, path: /made, target: entry, dest: /bin}
    - {image: stages-next, path: /made-of, target: ., dest: /}
    - {image: BASE, path: /etc/passwd, dest: /etc}
  run: {entrypoint: [/bin/entry]}
`,
};

const modules: Files = {
  'modules/make/module.yaml': `
name: make
version: 1.0
artifacts: [{name: res, path: ../../../../files/f}, {name: slot, path: none, dest: /etc/}]
envs: [{name: M, value: m}]
execute: [{script: make.sh}]
`,
  'modules/make/make.sh': `
cat /tmp/artifacts/res > /made
echo "$M $FROM_BASE $WHAT $HOME $PWD" >> /made
echo 'app:x:1000:1000::/home:/bin/sh' >> /etc/passwd
mkdir -p /home && chown 1000:1000 /home
`,
  'modules/use/module.yaml': 'name: use\nversion: 1.0\nexecute: [{script: use.sh, user: app}]\n',
  'modules/use/use.sh':
    'ls /tmp/scripts/use > /home/seen; echo "$HOME $A." >> /home/seen; id -un >> /home/seen\n',
};

describe.runIf(has('umoci'))('a descriptor as a stacker file', () => {
  it('is built to the same images, and as a descriptor again', async () => {
    const project = workspace.project();
    const slot =
      modules['modules/make/module.yaml']?.replace('path: none', 'path: ../../../../exec.sh') ?? '';
    writeAll(project, { ...shared, ...descriptors, ...modules, 'modules/make/module.yaml': slot });
    const names = Object.keys(descriptors).map(file => file.replace('.yaml', ''));
    const written = names.map(name => `stacker-${name}.yaml`);
    const logs = await Promise.all(
      names.map((name, i) =>
        done(project, 'convert', '--descriptor', `${name}.yaml`, '-o', written[i] ?? ''),
      ),
    );
    expect(logs.join('')).toContain('EXPOSE 80/tcp has no place in a stacker file (scripts.yaml:');
    await done(project, 'build', ...written.flatMap(file => ['-f', file]));
    await done(project, 'convert', '-f', 'stacker-scripts.yaml', '-o', 'again.yaml');
    const theirs = project.at('theirs');
    await buildDescriptors(project, theirs, Object.keys(descriptors));
    await buildDescriptors(project, project.at('again'), ['again.yaml']);

    const ours = await imagesOf(project, project.oci, names);
    const latest = names.map(name => `${name}:latest`);
    for (const [i, { tree, config }] of (await imagesOf(project, theirs, latest)).entries()) {
      const { ExposedPorts: _, ...rest } = config as typeof config & { ExposedPorts?: object };
      expect(ours[i]).toEqual({ tree, config: rest });
    }
    expect(await imageOf(project, project.at('again'), 'scripts:latest')).toEqual(ours[0]);
  });
});

const stackerFiles: Files = {
  'layers.yaml': `
tools:
  build_only: true
  from: {type: docker, url: "BASE"}
  imports: [files/f, {path: plain, dest: /opt/d}, plain]
  build_env: {Q: "it's $HOME"}
  environment: {IN: 'q"uo$te'}
  cmd: [/bin/true]
  run: |
    cp /stacker/imports/f /made
    cp -r /stacker/imports/plain /plain
    echo "$Q $FROM_BASE $STACKER_LAYER_NAME $PWD" > /said
app:
  from: {type: built, tag: tools}
  imports:
    - {path: files/f, dest: /d/, mode: 0600, uid: 3, gid: 4}
    - {path: exec.sh, dest: /d/f}
    - {path: plain/, dest: /d}
    - {path: 'stacker://tools/said', dest: /usr/said}
    - {path: 'stacker://tools/opt/', dest: /}
  labels: {a: 'x$y "z"', b: "one\ntwo"}
  environment: {P: "\${{VALUE:none}}"}
  volumes: [/v]
  entrypoint: [/bin/echo, 'a"b', '$HOME', 'backslash']
  run: |
    #!/bin/ash -e
    test "$0" != sh && echo ash > /ash
`,
  'more.yaml': `
files:
  from: {type: scratch}
  overlay_dirs: [{source: files, dest: /over}]
  working_dir: /over
  user: 5:6
above:
  from: {type: docker, url: "BASE"}
  import: [files/f]
  run: [cp /stacker/f /copy, cp /.stacker/imports/f /second]
  entrypoint: [/bin/echo]
brought:
  from: {type: scratch}
  imports: [{path: 'stacker://above/bin', dest: /bin}, {path: exec.sh, dest: /tmp/}]
  run: echo hi > /hi
`,
};

describe.runIf(has('umoci'))('a stacker file as descriptors', () => {
  it('is built to the same images', async () => {
    const project = workspace.project();
    writeAll(project, { ...shared, ...stackerFiles });
    const substitute = ['--substitute', 'VALUE=$given'];
    const log = await done(project, 'convert', '-f', 'layers.yaml', ...substitute);
    expect(log).toContain('mode, uid and gid of artifacts mean nothing to CEKit itself (layers.yaml:16:');
    expect(log).toMatch(/^wrote image\.yaml$/m);
    const more = await done(project, 'convert', '-f', 'more.yaml', '-o', 'd.yaml');
    expect(more).toMatch(/^wrote d-files\.yaml\nwrote d-above\.yaml\nwrote d-brought\.yaml$/m);
    await done(project, 'build', '-f', 'layers.yaml', '-f', 'more.yaml', ...substitute);
    const theirs = project.at('theirs');
    await buildDescriptors(project, theirs, ['image.yaml', 'd-files.yaml', 'd-above.yaml', 'd-brought.yaml']);

    const names = ['app', 'files', 'above', 'brought'];
    const ours = await imagesOf(project, project.oci, names);
    const latest = names.map(name => `${name}:latest`);
    for (const [i, { tree, config }] of (await imagesOf(project, theirs, latest)).entries()) {
      expect(tree).toEqual(ours[i]?.tree);
      const { 'io.cekit.version': _, ...labels } = config.Labels ?? {};
      expect({ ...config, Labels: labels }).toEqual({ Labels: {}, User: '0', ...ours[i]?.config });
    }
  });
});

describe('ashlar convert', () => {
  it('takes one source, and only flags that mean something to it', async () => {
    const project = workspace.project();
    const refused = async (...flags: readonly string[]) => {
      const { status, stderr } = await project.ashlar(['convert', ...flags]);
      expect(status).not.toBe(0);
      return stderr;
    };
    expect(await refused('--descriptor', 'image.yaml', '-f', 'stacker.yaml')).toContain(
      'convert takes one of --docker-file, --descriptor and --stacker-file',
    );
    expect(await refused('--descriptor', 'image.yaml', '-s', 'subs.yaml')).toContain(
      '--substitute-file means nothing to what is converted here',
    );
  });

  it('leaves what is there alone where the source is broken', async () => {
    const project = workspace.project();
    project.write('image.yaml', 'name: a\nversion: 1\nfrom: none\nartifacts: [{image: a, path: /}]\n');
    project.write('stacker.yaml', 'old\n');
    expect(failureOf(await project.ashlar(['convert']))).toContain(
      'hint: for the descriptor here: --descriptor',
    );
    const text = failureOf(await project.ashlar(['convert', '--descriptor', 'image.yaml']));
    expect(text).toContain('--> image.yaml:4:');
    expect(readFileSync(project.at('stacker.yaml'), 'utf8')).toBe('old\n');
  });
});
