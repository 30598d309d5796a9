import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { wrongBlobs } from './images.ts';
import { busyboxRoot } from './roots.ts';
import { ashlarProgram, type Ended, outputAsRoot, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();

/** A build with everything that can be interrupted: a tar base, scripts, a copy, an image out of another one's file. */
function everything(slow: string) {
  return {
    base: {
      build_only: true,
      from: { type: 'tar', url: busyboxRoot(workspace.path) },
      run: `echo 1 > /one\n${slow}`,
    },
    app: {
      from: { type: 'built', tag: 'base' },
      imports: [{ path: 'input', dest: '/data/' }, 'input'],
      run: `mkdir -p /made; cp /stacker/imports/input /made; rm /one\n${slow}\ntouch -d @1600000000 /made /made/input\ntar -cf /made.tar -C /made .`,
    },
    contents: { from: { type: 'tar', url: 'stacker://app/made.tar' } },
  };
}

function start(project: Project, env: Record<string, string> = {}): ChildProcess {
  return spawn(ashlarProgram, project.arguments(['build']), {
    cwd: project.path,
    env: { ...process.env, ...project.environment(env) },
    stdio: 'ignore',
    detached: true,
  });
}

/** The processes that belong to builds in a store: they name it in their arguments, or have a tree of it as root. */
function processesOf(store: string): readonly string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.includes(store) || readlinkSync(`/proc/${pid}/root`).startsWith(store);
      } catch {
        return false; // ended meanwhile, or not ours
      }
    });
}

async function allGone(store: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) {
    if (processesOf(store).length === 0) return;
  }
  throw new Error(`still running: ${processesOf(store).join(' ')}`);
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(5)) if (condition()) return;
  throw new Error('waited in vain');
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Every blob is what its name says, and nothing temporary is left. */
function expectConsistent(store: string): void {
  expect(wrongBlobs(join(store, 'blobs'))).toEqual([]);
  expect(readdirSync(join(store, 'tmp'))).toEqual([]);
}

/** Every snapshot has the very files of a snapshot that an undisturbed build made of the same layer. */
async function expectSameSnapshots(store: string, reference: string): Promise<void> {
  for (const name of readdirSync(join(store, 'snapshots'))) {
    if (!existsSync(join(reference, 'snapshots', name))) continue;
    const list = (where: string) =>
      outputAsRoot('find', [join(where, 'snapshots', name, 'tree'), '-printf', '%P %y %m %U %G %s %l %T@\n']);
    const [found, wanted] = await Promise.all([list(store), list(reference)]);
    // The directory sizes of file systems depend on their history.
    const lines = (text: string) =>
      text
        .replaceAll(/^(.* d \S+ \S+ \S+) \d+/gm, '$1')
        .split('\n')
        .sort();
    expect(lines(found)).toEqual(lines(wanted));
  }
}

describe.runIf(has('busybox', 'umoci'))('a build that is stopped', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 130],
  ] as const)(
    'by %s ends everything, leaves nothing behind and says so by its status',
    async (signal, status) => {
      const project = workspace.project('own');
      project.write('input', 'x');
      project.writeStackerFile(everything('sleep 100'));
      const child = start(project);
      await until(() => sleeping() > 0);
      child.kill(signal);
      const [code] = await once(child, 'exit');
      expect(code).toBe(status);
      await until(() => sleeping() === 0);
      await allGone(project.store);
      expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(project.store);
      expectConsistent(project.store);
      expect(project.tags()).toEqual([]);

      // Only the sleeping processes of this project: its scripts carry a mark in their environment.
      function sleeping(): number {
        return readdirSync('/proc').filter(
          pid => /^\d+$/.test(pid) && commandOf(pid) === ['sleep', '100', ''].join('\0'),
        ).length;
      }
    },
  );
});

/** A generator of numbers in [0, 1) that gives the same ones each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.runIf(has('busybox', 'umoci'))('a build that is killed', () => {
  it('at any of 30 moments leaves a store in which the next build succeeds, with the same result', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000' };
    const file = everything('sleep 0.02');
    const reference = workspace.project('own');
    reference.write('input', 'x');
    const began = performance.now();
    await reference.build(file, [], { env });
    const duration = performance.now() - began;
    const wanted = readFileSync(reference.at('oci/index.json'), 'utf8');

    const next = random(20_241_121);
    const project = workspace.project('own');
    project.write('input', 'x');
    project.writeStackerFile(file);
    for (let round = 0; round < 30; round += 1) {
      const child = start(project, env);
      const exited = once(child, 'exit');
      await sleep(next() * duration);
      // In turn the whole command, and only the process in the namespaces.
      const victims = processesOf(project.store).filter(
        pid => round % 3 !== 2 || commandOf(pid).includes('inside'),
      );
      if (round % 3 === 2) for (const pid of victims) kill(Number(pid));
      else kill(child.pid ?? 0);
      await exited;
      await allGone(project.store);
      if (existsSync(join(project.store, 'blobs/sha256')))
        expect(wrongBlobs(join(project.store, 'blobs'))).toEqual([]);
      expectSucceeded(await project.ashlar(['build'], { env }));
      expect(readFileSync(project.at('oci/index.json'), 'utf8')).toBe(wanted);
      await expectSameSnapshots(project.store, reference.store);
      // In turn into a store in which everything is, or nothing: what is there must not be damaged either.
      if (round % 4 > 0) await outputAsRoot('rm', ['-rf', project.store, project.oci]);
    }
  });

  it('without warning, though it had begun, does not disturb a build that runs beside it', async () => {
    const project = workspace.project('own');
    project.write('input', 'x');
    project.writeStackerFile(everything('sleep 0.2'));
    const [victim, other] = [start(project), start(project)];
    await until(() => processesOf(project.store).length > 2);
    kill(victim.pid ?? 0);
    const [status] = await once(other, 'exit');
    expect(status).toBe(0);
    expect(project.tags()).toEqual(['app', 'contents']);
  });
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function expectSucceeded({ status, stderr }: Ended): void {
  expect(`${status} ${stderr}`).toMatch(/^0 /);
}
