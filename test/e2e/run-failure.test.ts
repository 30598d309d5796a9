/** What the user can do about a script that fails: look at the tree as it left it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { failureOf, useWorkspace } from './support.ts';
import { onTerminal } from './terminal.ts';

const workspace = useWorkspace();
const busybox = useBusybox(workspace);

const failing = {
  thing: {
    from: busybox,
    imports: ['note'],
    build_env: { COLOR: 'green' },
    binds: ['shared -> /shared'],
    run: 'echo half > /made\necho bound > /shared/made\nexit 7',
  },
};

function project() {
  const created = workspace.project();
  created.write('note', 'imported\n');
  created.write('shared/old', 'old\n');
  return created;
}

describe('--on-run-failure', () => {
  it.each(['crun', 'runc', 'builtin'])(
    'runs a command in the tree as the script left it, with all that the script found there (%s)',
    async runtime => {
      const command =
        "sh -c 'cat /made /shared/made /shared/old /stacker/imports/note; echo $COLOR $STACKER_LAYER_NAME; cat; echo bad >&2'";
      const ended = await project().tryBuild(failing, ['--runtime', runtime, '--on-run-failure', command], {
        input: 'typed\n',
      });
      expect(failureOf(ended)).toMatch(
        /^error: run commands failed for image "thing" in "stacker.yaml": execute failed: exit status 7\n/,
      );
      expect(ended.stdout).toMatch(/half\nbound\nold\nimported\ngreen thing\ntyped\n$/);
      expect(ended.stderr).toContain('bad\n');
      expect(ended.stderr).not.toContain('failed executing');
    },
  );

  it('says how its own failure went, and fails like the script', async () => {
    const ended = await project().tryBuild(failing, ['--on-run-failure', 'sh -c "exit 3"']);
    expect(failureOf(ended)).toContain('execute failed: exit status 7');
    expect(ended.stderr).toContain('failed executing sh -c exit 3: exit status 3\n');
  });

  it.each(['crun', 'runc'])('says that there is no such command (%s)', async runtime => {
    const ended = await project().tryBuild(failing, ['--runtime', runtime, '--on-run-failure', '/no/such']);
    expect(failureOf(ended)).toContain('execute failed: exit status 7');
    expect(ended.stderr).toMatch(new RegExp(`^failed executing /no/such: ${runtime} could not start`, 'm'));
  });

  it('runs for the first of several failures only, when all that was said before has been shown', async () => {
    const created = project();
    const layer = (words: string) => ({ from: busybox, run: `echo ${words}; exit 1` });
    const ended = await created.tryBuild(
      { one: layer('first'), two: layer('second'), three: layer('third') },
      ['-j', '3', '--on-run-failure', 'sh -c "echo looking at $STACKER_LAYER_NAME"'],
    );
    failureOf(ended);
    const lines = ended.stdout.split('\n');
    const looking = lines.filter(line => line.startsWith('looking at '));
    expect(looking).toHaveLength(1);
    const word = { one: 'first', two: 'second', three: 'third' }[looking[0]?.slice(11) as 'one'];
    expect(lines.slice(0, lines.indexOf(looking[0] ?? ''))).toContain(word);
  });

  it('leaves nothing of what the script changed, whoever that belongs to', async () => {
    const created = workspace.project('own');
    const run =
      'mkdir -p /closed/in; touch /closed/in/file; chown -R 1000 /closed; chmod 500 /closed/in; exit 1';
    const ended = await created.tryBuild({ thing: { from: busybox, run } }, [
      '--on-run-failure',
      'ls /closed/in',
    ]);
    expect(ended.stdout).toMatch(/^file$/m);
    expect(readdirSync(join(created.store, 'tmp'))).toEqual([]);
  });

  it('is not run where nothing fails, nor does it change what is built', async () => {
    const created = project();
    const file = { fine: { from: busybox, run: 'echo fine > /fine' } };
    await created.build(file);
    const { digest } = created.image('fine');
    const ended = await created.build(file, ['--no-cache', '--on-run-failure', 'echo looking']);
    expect(ended.stdout).not.toContain('looking');
    expect(created.image('fine').layers).toHaveLength(2);
    expect(digest).toMatch(/^sha256:/);
  });
});

describe('--shell-fail', () => {
  it('opens /bin/sh, which reads what it is to do', async () => {
    const ended = await project().tryBuild(failing, ['--shell-fail'], { input: 'cat /made\nexit 0\n' });
    failureOf(ended);
    expect(ended.stdout).toMatch(/half\n$/);
  });

  it('may be said twice, but not together with another command', async () => {
    const created = project();
    const both = ['--shell-fail', '--on-run-failure=/bin/sh'];
    expect((await created.tryBuild(failing, both, { input: 'echo here\n' })).stdout).toContain('here\n');
    expect(await created.failure(failing, ['--shell-fail', '--on-run-failure=/bin/bash'])).toBe(
      'error: --shell-fail is incompatible with --on-run-failure=/bin/bash\n',
    );
  });

  it('is what the error of a failed run suggests, unless something like it was used', async () => {
    const suggestion = '--shell-fail opens a shell in the tree as the failed run left it';
    expect(await project().failure(failing)).toContain(suggestion);
    expect(await project().failure(failing, ['--on-run-failure', 'true'])).not.toContain(suggestion);
  });

  it.runIf(has('script')).each(['crun', 'runc', 'builtin'])(
    'is a shell with job control on a terminal, which is as before afterwards (%s)',
    async runtime => {
      const created = project();
      created.writeStackerFile(failing);
      const build = created.arguments(['build', '--runtime', runtime, '--shell-fail']);
      const typed = [
        'test -t 0 -a -t 1 -a -t 2 && echo all $((1+1))',
        'sleep 1000 &',
        'jobs',
        'kill %1',
        'echo $(cat /made) made',
        'echo size $(stty size)',
        'exit 3',
      ];
      const { status, output } = await onTerminal(created, build, typed.map(line => `${line}\n`).join(''));
      expect(output).toMatch(/^all 2$/m);
      expect(output).toMatch(/^\[1\].*Running +sleep 1000$/m);
      expect(output).toMatch(/^half made$/m);
      expect(output).toMatch(/^size 33 77$/m);
      expect(output).toMatch(/^failed executing \/bin\/sh: exit status 3$/m);
      expect(output).toMatch(/error: .*execute failed: exit status 7$/m);
      expect(output).toMatch(/^status 1\nsettings icanon echo\nforeground$/m);
      expect(status).toBe(0);
    },
  );
});
