/** What is said of a script that fails: which line, what its status means, and what to do. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { packTar, useBusybox } from './roots.ts';
import { failureOf, useWorkspace } from './support.ts';

/** A program for a processor that nobody has: the header of a 64-bit ELF file for machine 0xbeef. */
const FOREIGN = Buffer.alloc(120);
FOREIGN.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
FOREIGN.writeUInt16LE(2, 16);
FOREIGN.writeUInt16LE(0xbeef, 18);
FOREIGN.writeUInt32LE(1, 20);

describe.skipIf(!has('busybox'))('a script that fails', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const beginning = `one:\n  from: ${JSON.stringify(busybox)}\n`;

  it.each([
    [
      'the line of a block',
      '  run: |\n    true\n    # why\n    ls /nowhere # what\n',
      '6:5',
      'ls /nowhere # what',
    ],
    ['the item of a list', '  run:\n    - true\n    - ls "$HOME/nowhere"\n', '5:7', 'ls "$HOME/nowhere"'],
    ['a run section of one line', '  run: cd /tmp && false\n', '3:8', 'cd /tmp && false'],
    ['the begin of a long line', '  run: |\n    ls \\\n      /nowhere\n', '4:5', 'ls'],
  ])('has %s as its place', async (_, run, place, marked) => {
    const failure = await workspace.project().failure(beginning + run.replace('- true', '- "true"'));
    const [message, where, line, carets] = failure.split('\n');
    expect(message).toMatch(
      /^error: run commands failed for image "one" in "stacker\.yaml": execute failed: /,
    );
    expect(where).toBe(`  --> stacker.yaml:${place}`);
    expect(line).toContain(marked);
    expect(carets?.indexOf('^')).toBe(line?.indexOf(marked));
  });

  it('has the whole of it as its place when the line cannot be told, and the last command beside', async () => {
    const text = `${beginning}  run: |\n    if true; then ls /nowhere; fi\n    ls /nowhere\n`;
    const failure = await workspace.project().failure(text);
    expect(failure).toContain('\n  --> stacker.yaml:3:3\n');
    expect(failure).toContain('\nhint: the last command was: ls /nowhere; ');
  });

  it.each([
    ['127', 'no-such-command', 'a command was not found'],
    ['126', 'echo > /file; /file', 'cannot be executed'],
    ['137', "sh -c 'kill -9 $$'", 'memory ran out'],
    ['139', "sh -c 'kill -SEGV $$'", 'a program crashed'],
  ])('tells what status %s means, and how to look around', async (status, run, meaning) => {
    const failure = await workspace.project().failure({ one: { from: busybox, run } });
    expect(failure).toContain(`execute failed: exit status ${status}\n`);
    expect(failure).toMatch(
      new RegExp(`\nhint: status ${status}: .*${meaning}.*; --shell-fail opens a shell`),
    );
  });

  const runtimes = ['crun', 'runc', 'builtin'].filter(name => name === 'builtin' || has(name));

  it.each(runtimes)('tells that the image is for another processor (%s)', async runtime => {
    const project = workspace.project();
    mkdirSync(project.at('root/bin'), { recursive: true });
    writeFileSync(project.at('root/bin/sh'), FOREIGN, { mode: 0o755 });
    packTar(project.at('root'), project.at('root.tar'));
    const file = { one: { from: { type: 'tar', url: 'root.tar' }, run: 'true; echo hello' } };
    const failure = await project.failure(file, ['--runtime', runtime]);
    expect(failure).toContain(
      `\nhint: a program in the image is not made for this machine (${process.arch})`,
    );
  });

  it.runIf(isRoot)('tells that the disk is full', async () => {
    const project = workspace.project('own');
    mkdirSync(project.store);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', project.store]);
    try {
      const ended = await project.tryBuild({ one: { from: busybox, run: 'dd if=/dev/zero of=/big bs=1M' } });
      expect(ended.stderr).toMatch(/^only .* are free for /m);
      // The script, or what starts it, may be the one that notices.
      expect(failureOf(ended)).toMatch(/\nhint: .*free some space.*, or put --store /);
    } finally {
      execFileSync('umount', ['--lazy', project.store]);
    }
  });
});
