/** What `run` gets from a base with a config of its own, and that nothing of what is mounted for it stays. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxLayout, linesOf, umoci, useBusybox } from './roots.ts';
import { failureOf, outputAsRoot, stackerProgram, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('run of stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });

  it('takes nothing from the config of the base: no variables, no user, no directory', async () => {
    const project = workspace.project();
    const layout = busyboxLayout(workspace.path, 'configured');
    umoci(
      ...['config', '--image', `${layout}:configured`, '--config.env', 'FROM_BASE=1'],
      ...['--config.env', 'PATH=/only', '--config.user', '1000', '--config.workingdir', '/tmp'],
      ...['--config.entrypoint', '/bin/false'],
    );
    const { stdout } = await project.build(
      {
        one: {
          from: { type: 'oci', url: `${layout}:configured` },
          environment: { FOR_THE_IMAGE: '1' },
          user: '2000',
          working_dir: '/var',
          run: "#!/bin/sh\nid -u; id -g; pwd; tr '\\0' '\\n' </proc/$$/environ | sort",
        },
      },
      [],
      { env: { TERM: undefined, HOME: workspace.path } },
    );
    const names = /^(?:(?:ftp|https?|no)_proxy|(?:FTP|HTTPS?|NO)_PROXY)=/;
    expect(stdout.split('\n').filter(line => !names.test(line))).toEqual([
      ...['0', '0', '/', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      ...['STACKER_LAYER_NAME=one', 'container=lxc', ''],
    ]);
    expect(project.image('one').config.config).toMatchObject({
      Env: ['FROM_BASE=1', 'PATH=/only', 'FOR_THE_IMAGE=1'],
      User: '2000',
      WorkingDir: '/var',
      Entrypoint: ['/bin/false'],
    });
  });

  it('shows imports by a mount that says ro, with the script, for every form and kind of import', async () => {
    const project = workspace.project();
    project.write('f', 'f');
    const mounts = "grep -E ' /(.?)stacker' /proc/mounts | awk '{ print $2, substr($4, 1, 2) }' | sort -u";
    const { stdout } = await project.build({
      none: { from: busybox, run: `#!/bin/sh\n${mounts}; ls -A /stacker/imports` },
      some: { from: busybox, imports: ['f'], run: `#!/bin/sh\n${mounts}; ls -A /stacker/imports` },
    });
    expect(stdout).toBe('/stacker/imports ro\n.stacker-run.sh\n/stacker/imports ro\n.stacker-run.sh\nf\n');
    const legacy = await project.build({
      old: { from: busybox, import: ['f'], run: `#!/bin/sh\n${mounts}; ls -A /stacker` },
    });
    expect(legacy.stdout).toContain('/stacker ro\n');
    expect(legacy.stdout).not.toMatch(/ rw$/m);
    expect(legacy.stdout).toMatch(/^f$/m);
  });

  it('leaves no layer when all it did was to be run, whatever was mounted for it', async () => {
    const project = workspace.project();
    project.write('f', 'f');
    project.write('log', 'log');
    mkdirSync(project.at('shared'));
    const binds = ['shared -> /etc/new/deep', 'shared -> /fresh', 'log -> /tmp/file', 'log -> /etc/passwd'];
    await project.build({
      imports: { from: busybox, imports: ['f'], binds, run: 'touch /fresh/out; echo more >>/tmp/file' },
      import: { from: busybox, import: ['f'], binds, run: 'ls -R /etc /dev >/dev/null' },
      child: { from: built('import'), run: 'touch /tmp' },
    });
    for (const tag of ['imports', 'import']) expect(project.image(tag).layers).toHaveLength(1);
    // A change of nothing but a time is a change, and says nothing of other directories.
    expect(project.image('child').names(-1)).toEqual(['/', 'tmp/']);
    expect(linesOf(project.at('log'))).toEqual(['logmore']);
  });

  it('takes imports as they are when it begins, also when it writes to them through a bind', async () => {
    const project = workspace.project();
    project.write('src/f', 'old');
    const run = '#!/bin/sh -e\necho new >/src/f; cat /stacker/imports/src/f >/seen';
    await project.build({ one: { from: busybox, imports: ['src'], binds: ['src -> /src'], run } });
    expect(await project.fileOf('one', 'seen')).toBe('old');
    expect(linesOf(project.at('src/f'))).toEqual(['new']);
  });

  it('leaves the time of a directory that something was mounted in, in a layer of its own work', async () => {
    const project = workspace.project();
    mkdirSync(project.at('shared'));
    await project.build({
      one: { from: busybox, binds: ['shared -> /usr/here'], run: 'echo x >/etc/x' },
    });
    expect(project.image('one').names(-1)).toEqual(['/', 'etc/', 'etc/x']);
    const root = await project.unpack('one');
    expect(await outputAsRoot('stat', ['-c', '%Y', `${root}/usr`])).toBe('1600000000\n');
  });

  it('fails with the words that scripts look for, whatever the status', async () => {
    const project = workspace.project();
    for (const status of [1, 7, 255]) {
      const text = `broken:\n  from: ${JSON.stringify(busybox)}\n  run: |\n    (exit ${status})\n`;
      writeFileSync(project.at('some.yaml'), text);
      const message = failureOf(await project.ashlar(['build', '-f', 'some.yaml']));
      expect(message).toContain(
        `run commands failed for image "broken" in "some.yaml": execute failed: exit status ${status}\n`,
      );
      expect(project.tags()).toEqual([]);
    }
  });
});
