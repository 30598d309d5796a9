import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { busyboxLayout, packTar, umoci } from './roots.ts';
import { failureOf, output, type Project, useWorkspace } from './support.ts';

/** Knows one version of everything that is asked for without one, and writes what apk writes. */
const APK = `#!/bin/sh
[ "$1" = add ] || exit 0
shift
mkdir -p /lib/apk/db
for wanted; do
  case $wanted in
    @*) continue ;;
    *=*) version=\${wanted#*=} ;;
    *) version=$(cat /etc/newest) ;;
  esac
  printf 'P:%s\\nV:%s\\nA:noarch\\n\\n' "\${wanted%%=*}" "$version" >>/lib/apk/db/installed
done
`;

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

describe.skipIf(!has('umoci', 'skopeo', 'docker-registry', 'git', 'busybox'))('a lock', () => {
  const workspace = useWorkspace();

  /** Puts a layer with files on the base. */
  function addToBase(layout: string, name: string, files: Readonly<Record<string, string>>): void {
    const root = join(workspace.path, name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), content, { mode: 0o755 });
    }
    packTar(root, `${root}.tar`);
    umoci('raw', 'add-layer', '--image', `${layout}:busybox`, `${root}.tar`);
  }

  function git(directory: string, ...args: readonly string[]): string {
    const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.org'];
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    return execFileSync('git', ['-C', directory, ...identity, ...args], { encoding: 'utf8', env }).trim();
  }

  function commit(directory: string, script: string): string {
    writeFileSync(join(directory, 'run.sh'), script);
    git(directory, 'add', '--all');
    git(directory, 'commit', '--quiet', '--message', 'x');
    return git(directory, 'rev-parse', 'HEAD');
  }

  const digestOf = (layout: string) => {
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    return manifests[0].digest as string;
  };

  const manifestOf = (project: Project) => digestOf(project.oci);

  it('has the base, modules, downloads and packages of a build, and gives the same image later', async () => {
    const layout = busyboxLayout(workspace.path);
    addToBase(layout, 'apk', { 'bin/apk': APK, 'etc/newest': '1.2.3-r4' });
    await using registry = await startRegistry();
    const base = `${registry.host}/base:1`;
    const push = () =>
      output('skopeo', ['copy', '--dest-tls-verify=false', `oci:${layout}:busybox`, `docker://${base}`]);
    await push();
    const modules = join(workspace.path, 'modules');
    mkdirSync(modules);
    git(modules, 'init', '--quiet', '--initial-branch=main');
    writeFileSync(join(modules, 'module.yaml'), 'name: m\nversion: 1\nexecute: [{script: run.sh}]\n');
    const first = commit(modules, 'echo first >/made\n');
    await using server = await serve((_, response) => void response.end('file'));
    const project = workspace.project('own');
    const url = `${server.url}/a.txt`;
    const repository = `file://${modules}`;
    project.write(
      'image.yaml',
      JSON.stringify({
        name: 'locked',
        version: '1',
        from: base,
        packages: { manager: 'apk', install: ['one', '@group'] },
        modules: { repositories: [{ git: { url: repository, ref: 'main' } }], install: [{ name: 'm' }] },
        artifacts: [{ url, dest: '/files' }],
      }),
    );
    const run = async (...args: readonly string[]) => {
      const ended = await project.ashlar(args, { env: { SOURCE_DATE_EPOCH: '1700000000' } });
      expect(ended.stderr).not.toMatch(/^error/m);
      expect(ended.status).toBe(0);
      return ended;
    };

    expect((await run('lock')).stderr).toContain(`wrote ${project.at('ashlar.lock')}\n`);
    const text = readFileSync(project.at('ashlar.lock'), 'utf8');
    expect(text.slice(text.indexOf('\n') + 1)).toBe(`lock: "1"
images:
  "${base}": "${digestOf(layout)}"
repositories:
  "${repository}#main": "${first}"
artifacts:
  "${url}": "${sha256('file')}"
packages:
  "locked":
    "@group": "*"
    "one": "1.2.3-r4"
`);
    const built = manifestOf(project);

    addToBase(layout, 'newer', { 'etc/newest': '2-r0' });
    await push();
    commit(modules, 'echo second >/made\n');
    await run('build');
    expect(manifestOf(project)).not.toBe(built);
    await run('build', '--locked', '--no-cache');
    expect(manifestOf(project)).toBe(built);
    const unpacked = await project.unpack('locked:1');
    expect(readFileSync(join(unpacked, 'made'), 'utf8')).toBe('first\n');
    expect(readFileSync(join(unpacked, 'files/a.txt'), 'utf8')).toBe('file');
    expect(readFileSync(join(unpacked, 'lib/apk/db/installed'), 'utf8')).toContain('V:1.2.3-r4');

    project.write('ashlar.lock', text.replace(/ {4}"one".*\n/, ''));
    expect(failureOf(await project.ashlar(['build', '--locked']))).toContain(
      'error: the lock file has no version for the package one\n',
    );
  });
});
