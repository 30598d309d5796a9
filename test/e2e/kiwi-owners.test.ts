/** Who builds makes no difference: root here, and a user whom root makes. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { printedBy, repositoryOf } from './kiwi.ts';
import { useNewUser } from './plain-user.ts';
import { ashlarProgram, type Ended, execute, output, useWorkspace } from './support.ts';

const TIMEOUT = { timeout: 300_000 };

/** Runs a command of `system`. */
type Run = (...words: readonly string[]) => Promise<Ended>;

const workspace = useWorkspace();

const SMALL = `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="8.5" name="small">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <preferences>
    <version>1.0.0</version>
    <packagemanager>apt</packagemanager>
    <timezone>UTC</timezone>
    <type image="ext4"/>
  </preferences>
  <users><user name="guest" password="!" home="/home/guest" groups="users"/></users>
  <repository type="apt-deb" alias="local"><source path="http://repository.invalid"/></repository>
  <packages type="image"><package name="bc"/><package name="uuid-runtime"/></packages>
</image>
`;

/** What scripts make says when it was made. */
const CONFIG = `#!/bin/sh
set -e
date -u > /etc/made
date -u -d "@$SOURCE_DATE_EPOCH" > /etc/made
`;

const canBeAnother = isRoot && has('useradd', 'runuser', 'newuidmap', 'mmdebstrap', 'mke2fs');
describe.runIf(canBeAnother)('root and a plain user, one after the other and each with a store', () => {
  const { user, home } = useNewUser('kiwi');

  it('make the same bytes of the same description', TIMEOUT, async () => {
    // A checkout may lie where a plain user cannot look, and so may what is cached.
    const place = join(home, 'checkout');
    mkdirSync(place);
    cpSync(printedBy('debian-root'), join(home, 'root.tar'));
    cpSync(printedBy('debian-packages'), join(home, 'repository'), { recursive: true });
    const stash = async (run: Run) => {
      const { status, stderr } = await run(
        'stash',
        '--root',
        join(home, 'root.tar'),
        '--container-name',
        'debian',
      );
      expect(status, stderr).toBe(0);
    };
    const build = async (target: string, run: Run) => {
      const words = ['--stash', 'debian', '--description', describeSmall(target), '--target-dir', target];
      const built = await run('stackbuild', ...words, ...repositoryOf(join(home, 'repository')));
      expect(built.status, built.stderr).toBe(0);
      const made = join(target, 'small.x86_64-1.0.0.ext4');
      return { made, sum: readFileSync(`${made}.sha256`, 'utf8') };
    };

    const project = workspace.project('own');
    chmodSync(workspace.path, 0o755);
    const asOurselves: Run = (...words) => project.ashlar(['system', ...words]);
    const env = project.environment({ XDG_CACHE_HOME: undefined, XDG_DATA_HOME: undefined });
    const asAnother: Run = (...words) => {
      const begin = 'mount --bind "$1" "$2" && cd "$2" && user="$3" home="$4" && shift 4';
      const asUser = 'runuser -u "$user" -- env HOME="$home" bin/ashlar --store "$home/store" system "$@"';
      const args = [join(ashlarProgram, '../..'), place, user, home, ...words];
      return execute('unshare', ['--mount', 'sh', '-c', `${begin} && exec ${asUser}`, 'sh', ...args], {
        env,
      });
    };
    await Promise.all([stash(asOurselves), stash(asAnother)]);
    const ours = await build(project.at('target'), asOurselves);
    const theirs = await build(join(home, 'another/target'), asAnother);
    expect(theirs.sum).toBe(ours.sum);
    await output('e2fsck', ['-fn', ours.made]);
  });

  /** A copy as another checkout would be: of today. */
  function describeSmall(target: string): string {
    const directory = `${target}-description`;
    mkdirSync(join(directory, 'root/etc'), { recursive: true });
    writeFileSync(join(directory, 'config.xml'), SMALL);
    writeFileSync(join(directory, 'config.sh'), CONFIG, { mode: 0o755 });
    writeFileSync(join(directory, 'root/etc/issue'), 'overlay\n');
    // The target directory is to be the user's.
    execFileSync('chmod', ['a+rwx', dirname(target)]);
    return directory;
  }
});
