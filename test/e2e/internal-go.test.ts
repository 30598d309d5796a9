import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../support/registry.ts';
import { has, isRoot } from '../support/tools.ts';
import { readImage, readTags } from './images.ts';
import { failureOf, output, type Project, useWorkspace } from './support.ts';

describe.skipIf(!has('skopeo', 'docker-registry'))('internal-go', () => {
  const workspace = useWorkspace();
  const call = (project: Project, ...words: readonly string[]) => project.ashlar(['internal-go', ...words]);

  async function succeed(project: Project, ...words: readonly string[]): Promise<void> {
    const { status, stderr } = await call(project, ...words);
    expect(status, stderr).toBe(0);
  }

  it('is not in the help', async () => {
    const { stdout } = await workspace.project().ashlar(['--help']);
    expect(stdout).toContain('recursive-build');
    expect(stdout).not.toContain('internal');
  });

  describe('copy', () => {
    it('copies images between layouts and registries', async () => {
      const project = workspace.project();
      project.write('f', 'x');
      await project.build({ one: { from: { type: 'scratch' }, imports: [{ path: 'f', dest: '/f' }] } });
      const { digest } = project.image('one');
      await succeed(project, 'copy', 'oci:oci:one', 'oci:other:two:three');
      expect(readTags(project.at('other'))).toEqual(['two:three']);
      expect(readImage(project.at('other'), 'two:three').digest).toBe(digest);
      await using registry = await startRegistry();
      const image = `docker://${registry.host}/a/b:c`;
      await output('skopeo', ['copy', '--dest-tls-verify=false', 'oci:oci:one', image], {
        cwd: project.path,
      });
      // An insecure registry has to be named as such, as for skopeo.
      const conf = project.write(
        'registries.conf',
        `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`,
      );
      const env = { CONTAINERS_REGISTRIES_CONF: conf };
      const pulled = await project.ashlar(['internal-go', 'copy', image, 'oci:pulled:x'], { env });
      expect(pulled.status, pulled.stderr).toBe(0);
      expect(readImage(project.at('pulled'), 'x').digest).toBe(digest);
      const pushed = ['internal-go', 'copy', 'oci:pulled:x', `docker://${registry.host}/d:e`];
      expect((await project.ashlar(pushed, { env })).status).toBe(0);
      const inspected = await output('skopeo', [
        ...['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${registry.host}/d:e`],
      ]);
      expect(inspected.trim()).toBe(digest);
    });

    it.each([
      [['oci:oci:one'], 'wrong number of args'],
      [['oci:oci:one', 'dir:x'], 'unknown url scheme dir for dir:x'],
      [['one', 'oci:x:y'], 'unknown url scheme one for one'],
      [['oci:none:one', 'oci:x:y'], 'there is no OCI layout in none'],
    ])('refuses %j', async (words, message) => {
      expect(failureOf(await call(workspace.project(), 'copy', ...words))).toContain(`error: ${message}`);
    });
  });

  describe('on files', () => {
    it('cp copies files, links and directories under a new name', async () => {
      const project = workspace.project();
      project.write('d/f', 'content', 0o750);
      symlinkSync('nowhere', project.at('d/link'));
      await succeed(project, 'cp', 'd/f', 'g');
      expect(readFileSync(project.at('g'), 'utf8')).toBe('content');
      expect(lstatSync(project.at('g')).mode & 0o777).toBe(0o750);
      await succeed(project, 'cp', 'd', 'copy');
      expect(readlinkSync(project.at('copy/link'))).toBe('nowhere');
      await succeed(project, 'cp', 'd/link', 'link');
      expect(readlinkSync(project.at('link'))).toBe('nowhere');
      expect(failureOf(await call(project, 'cp', 'none', 'x'))).toContain('error: cannot copy none to x');
    });

    it('chmod changes the mode of a file, and of nothing else', async () => {
      const project = workspace.project();
      project.write('f', '');
      symlinkSync('f', project.at('link'));
      mkdirSync(project.at('d'));
      await succeed(project, 'chmod', '4751', 'f');
      expect(lstatSync(project.at('f')).mode & 0o7777).toBe(0o4751);
      expect(failureOf(await call(project, 'chmod', '0800', 'f'))).toContain(
        'error: not an octal mode: 0800\n',
      );
      for (const other of ['link', 'd'])
        expect(failureOf(await call(project, 'chmod', '600', other))).toContain(
          `error: ${other} is not a file`,
        );
      expect(failureOf(await call(project, 'chmod', '600'))).toContain('error: wrong number of args\n');
    });

    it('chown changes the owner of a file or link', async () => {
      const project = workspace.project();
      project.write('f', '');
      symlinkSync('none', project.at('link'));
      const [uid, gid] = isRoot ? [12, 34] : [process.getuid?.(), process.getgid?.()];
      await succeed(project, 'chown', `${uid}:${gid}`, 'f');
      await succeed(project, 'chown', `${uid}`, 'link');
      expect(lstatSync(project.at('f'))).toMatchObject({ uid, gid });
      expect(lstatSync(project.at('link'))).toMatchObject({ uid, gid: process.getgid?.() });
      expect(failureOf(await call(project, 'chown', 'root', 'f'))).toContain('error: not an owner: root\n');
    });
  });

  it('testsuite-check-overlay tells by its exit code whether overlay mounts work', async () => {
    const project = workspace.project('own');
    expect((await call(project, 'testsuite-check-overlay')).status).toBe(0);
    // Without unshare there are no namespaces to mount in.
    mkdirSync(project.at('bin'));
    for (const program of ['readlink', 'find', 'sh'])
      symlinkSync((await output('which', [program])).trim(), project.at('bin', program));
    const env = { PATH: project.at('bin') };
    const without = await project.ashlar(['internal-go', 'testsuite-check-overlay'], { env });
    expect(without.status).toBe(50);
    expect(without.stderr).not.toBe('');
  });
});
