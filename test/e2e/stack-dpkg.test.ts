/** Images that Debian's package manager made from one root, stacked: judged by Debian's own tools in the result. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { debianRoot } from './roots.ts';
import { useWorkspace } from './support.ts';

/** For scripts: every line that a command prints gets the question before it that the command answers. */
const ASK = `ask() {
  question=$1
  shift
  { "$@" 2>&1 || echo "status $?"; } | sed "s|^|$question: |"
}`;

const LIST = `dpkg-query --show --showformat '\${binary:Package} \${Version} \${db:Status-Status}\\n'`;

const QUESTIONS = `#!/bin/sh
${ASK}
ask audit dpkg --audit
ask changed dpkg --verify
ask check apt-get -qq check
ask installed ${LIST}
ask wanted apt-mark showmanual
ask overrides dpkg-statoverride --list
ask groups getent group plocate uuidd
ask users getent passwd uuidd
for name in awk pager; do
  ask "choices of $name" update-alternatives --list $name
  ask $name readlink -f /usr/bin/$name
  # Says something only when it has something to do.
  ask repaired update-alternatives --auto $name
done
ask lost find /etc/alternatives -xtype l ! -name '*.gz'
ask programs gawk 'BEGIN { print "gawk", 6 * 7 }'
ask programs sh -c 'echo "6 * 7" | bc | sed "s/^/bc /"'
ask programs sh -c 'echo most 42 | most'
ask programs sh -c 'plocate --version | head -n 1'
ask libraries sh -c 'ldconfig -p | cut -d" " -f1 | tr -d "\\t"'
`;

/** Calls apt with a repository that is imported, and lists what is installed then. */
const install = (...packages: readonly string[]) => `export DEBIAN_FRONTEND=noninteractive
repository() {
  apt-get -qq -o Dir::Etc::SourceList=/tmp/sources.list -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root "$@"
}
echo 'deb [trusted=yes] file:/stacker/imports/debian-bookworm-packages ./' >/tmp/sources.list
repository update
repository install --yes --no-install-recommends ${packages.join(' ')}
${ASK}
ask before ${LIST}`;

/** What the lines of a question say. */
function answers(output: string, question: string): readonly string[] {
  const start = `${question}: `;
  return output.split('\n').flatMap(line => (line.startsWith(start) ? [line.slice(start.length)] : []));
}

describe.skipIf(!has('mmdebstrap', 'apt-get', 'dpkg-deb'))('stacked images with packages of Debian', () => {
  const workspace = useWorkspace();
  let packages = '';
  beforeAll(() => {
    const script = fileURLToPath(new URL('../../scripts/debian-packages', import.meta.url));
    packages = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  });

  const base = () => ({ build_only: true, from: { type: 'tar', url: debianRoot() } });
  const built = (tag: string) => ({ type: 'built', tag });

  it('are one system, in which everything works that works in any of them', async () => {
    const project = workspace.project();
    project.write('questions', QUESTIONS, 0o755);
    // Both need libreadline8, both bring another awk, and both add a group.
    const { stdout, stderr } = await project.build({
      base: base(),
      search: {
        build_only: true,
        from: built('base'),
        imports: [packages],
        run: ['addgroup --system --gid 301 plocate', install('gawk', 'plocate')],
      },
      tools: {
        build_only: true,
        from: built('base'),
        imports: [packages],
        run: install('bc', 'most', 'original-awk', 'uuid-runtime'),
      },
      system: {
        build_only: true,
        from: [built('search'), built('tools')],
        imports: ['questions'],
        run: '/stacker/imports/questions',
      },
    });
    expect(stderr).not.toContain('disagree');
    for (const question of ['audit', 'changed', 'check', 'repaired', 'lost'])
      expect([question, ...answers(stdout, question)]).toEqual([question]);

    const installed = answers(stdout, 'installed');
    expect(installed.toSorted()).toEqual([...new Set(answers(stdout, 'before'))].toSorted());
    const names = installed.map(line => line.replace(/[: ].*/, ''));
    const wanted = ['bc', 'gawk', 'most', 'original-awk', 'plocate', 'uuid-runtime'];
    const needed = ['libmpfr6', 'libreadline8', 'libsigsegv2', 'libslang2', 'liburing2', 'readline-common'];
    expect(names).toEqual(expect.arrayContaining([...wanted, ...needed]));
    expect(answers(stdout, 'wanted')).toEqual(expect.arrayContaining(wanted));
    for (const name of needed) expect(answers(stdout, 'wanted')).not.toContain(name);

    expect(answers(stdout, 'overrides')).toEqual(['root plocate 2755 /usr/bin/plocate']);
    expect(answers(stdout, 'groups')).toEqual(['plocate:x:301:', expect.stringMatching(/^uuidd:x:\d+:$/)]);
    expect(answers(stdout, 'users')).toEqual([expect.stringMatching(/^uuidd:x:\d+:\d+::\/run\/uuidd:/)]);
    expect(answers(stdout, 'choices of awk')).toEqual([
      '/usr/bin/gawk',
      '/usr/bin/mawk',
      '/usr/bin/original-awk',
    ]);
    expect(answers(stdout, 'awk')).toEqual(['/usr/bin/gawk']);
    expect(answers(stdout, 'choices of pager')).toEqual(['/bin/more', '/usr/bin/most']);
    expect(answers(stdout, 'pager')).toEqual(['/usr/bin/most']);
    expect(answers(stdout, 'programs')).toEqual([
      'gawk 42',
      'bc 42',
      'most 42',
      expect.stringMatching(/^plocate /),
    ]);
    expect(answers(stdout, 'libraries')).toEqual(
      expect.arrayContaining(['libmpfr.so.6', 'libreadline.so.8', 'libslang.so.2', 'liburing.so.2']),
    );
  });

  it('are told apart by versions of a package and numbers of groups that both have', async () => {
    const project = workspace.project();
    const change = (version: string, group: string) => ({
      build_only: true,
      from: built('base'),
      imports: [greeting(project.path, version)],
      run: [`dpkg --install /stacker/imports/greeting_${version}.deb`, `groupadd --gid 401 ${group}`],
    });
    const parts = { base: base(), one: change('1.0', 'early'), two: change('2.0', 'late') };
    const layers = [built('one'), built('two')];
    const system = {
      build_only: true,
      from: { type: 'stack', layers },
      run: [
        'dpkg --audit',
        'dpkg --verify',
        ASK,
        `ask installed ${LIST} greeting`,
        'ask files ls /usr/lib/greeting',
      ],
    };
    const { stdout, stderr } = await project.build({ ...parts, system });
    expect(stderr).toContain('the parts of this stack disagree');
    expect(stderr).toContain('package greeting: 1.0 in one, 2.0 in two (newer)');
    expect(stderr).toContain('gid 401 is early in one, late in two');
    expect(answers(stdout, 'installed')).toEqual(['greeting 2.0 installed']);
    expect(answers(stdout, 'files')).toEqual(['only-in-2.0', 'text']);

    const strict = { from: { type: 'stack', conflicts: 'error', layers } };
    const failure = await project.failure({ ...parts, system: strict });
    expect(failure).toContain('package greeting: 1.0 in one, 2.0 in two (newer)');
    expect(failure).toContain('gid 401 is early in one, late in two');

    const older = { ...system, from: { ...system.from, conflicts: 'first' } };
    const first = await project.build({ ...parts, system: older });
    expect(answers(first.stdout, 'installed')).toEqual(['greeting 1.0 installed']);
    expect(answers(first.stdout, 'files')).toEqual(['only-in-1.0', 'text']);
  });
});

/** A package of two files, one of which is in no other version; returns its path. */
function greeting(directory: string, version: string): string {
  const root = join(directory, `greeting-${version}`);
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  mkdirSync(join(root, 'usr/lib/greeting'), { recursive: true });
  const fields = [
    'Package: greeting',
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: nobody <n@example.com>',
  ];
  writeFileSync(join(root, 'DEBIAN/control'), `${[...fields, 'Description: says hello'].join('\n')}\n`);
  const script = `#!/bin/sh\n# ${version}\n`;
  writeFileSync(join(root, `DEBIAN/${version === '1.0' ? 'postinst' : 'prerm'}`), script, { mode: 0o755 });
  for (const name of ['text', `only-in-${version}`])
    writeFileSync(join(root, 'usr/lib/greeting', name), `hello from ${version}\n`);
  const file = join(directory, `greeting_${version}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', root, file], { stdio: 'ignore' });
  return file;
}
