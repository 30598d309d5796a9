/** Ways to start a process in a root tree: an OCI runtime (crun, runc), or the built-in runner where neither works. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../support/errors.ts';
import { findProgram } from '../support/process.ts';
import { endsByItself, findFirstProcess, runBesideBuiltIn, runBuiltIn } from './builtin.ts';
import { type Bundle, runChild } from './bundle.ts';
import { processSpec, runtimeSpec } from './spec.ts';

export type RuntimeName = 'crun' | 'runc' | 'builtin';

/** Runs the process to its end; returns its exit status (128 + signal when killed). */
export function runBundle(runtime: RuntimeName, bundle: Bundle): Promise<number> {
  return runtime === 'builtin' ? runBuiltIn(bundle) : runOci(runtime, bundle);
}

async function runOci(runtime: OciRuntime, bundle: Bundle): Promise<number> {
  const { directory, process } = bundle;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.json'), JSON.stringify(runtimeSpec(runtime, bundle)));
  const log = join(directory, 'runtime.log');
  const [program, globals] = commandOf(runtime, directory, log);
  const container = containerOf(directory);
  const status = await runChild(
    stdio => spawn(program, [...globals, 'run', '--bundle', directory, container], { stdio }),
    bundle,
    () => spawnSync(program, [...globals, 'delete', '--force', container], { stdio: 'ignore' }),
  );
  const message = status === 0 ? undefined : startFailure(log);
  if (message !== undefined)
    throw new AshlarError(`${runtime} could not start '${process.args[0]}': ${message}`);
  return status;
}

/** Whether the process of a bundle that is being run has been started, and goes on. */
export function isRunning(runtime: RuntimeName, bundle: Bundle): boolean {
  if (runtime === 'builtin') return findFirstProcess(bundle) !== undefined;
  const [program, globals] = commandOf(runtime, bundle.directory, '/dev/null');
  const { status, stdout } = spawnSync(program, [...globals, 'state', containerOf(bundle.directory)], {
    encoding: 'utf8',
  });
  return status === 0 && JSON.parse(stdout).status === 'running';
}

/**
 * Runs another process beside that of a bundle, to its end or the end of that; returns its exit status. What kept it
 * from starting is to be read in its output.
 * @param name Of files of its own, in the directory of the bundle.
 */
export async function runBeside(runtime: RuntimeName, bundle: Bundle, name: string): Promise<number> {
  if (runtime === 'builtin') return runBesideBuiltIn(bundle);
  const { directory } = bundle;
  const file = join(directory, `${name}.json`);
  writeFileSync(file, JSON.stringify(processSpec(bundle.process, bundle.streams)));
  const [program, globals] = commandOf(runtime, directory, join(directory, `${name}.log`));
  const container = containerOf(directory);
  return runChild(
    stdio => spawn(program, [...globals, 'exec', '--process', file, container], { stdio }),
    bundle,
    endsByItself,
  );
}

type OciRuntime = Exclude<RuntimeName, 'builtin'>;

/** The container that a directory of ours is for. runc names a cgroup after it, which must be nobody else's. */
function containerOf(directory: string): string {
  return `ashlar-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
}

/** A runtime's program, and the arguments before its commands. */
function commandOf(
  runtime: OciRuntime,
  directory: string,
  log: string,
): readonly [program: string, globals: readonly string[]] {
  const program = findProgram(runtime);
  if (!program)
    throw new AshlarError(`cannot find the OCI runtime '${runtime}'`, {
      hint: `install the package ${runtime}`,
    });
  const cgroups = runtime === 'crun' ? ['--cgroup-manager=disabled'] : [];
  return [program, ['--root', join(directory, 'state'), '--log', log, ...cgroups]];
}

/** The last error in a runtime's log; undefined when the process itself was started. */
function startFailure(log: string): string | undefined {
  if (!existsSync(log)) return undefined;
  const text = readFileSync(log, 'utf8');
  const lines = text
    .split('\n')
    .filter(line => line.includes('level=error') || /^\S+ (?!warning)/.test(line));
  const last = lines.at(-1);
  return last === undefined
    ? undefined
    : (/msg="((?:[^"\\]|\\.)*)"/.exec(last)?.[1]?.replaceAll('\\"', '"') ?? last);
}

/**
 * The first runtime that really runs something here, found by running `true` in a tree of the host's own programs:
 * being installed says little (crun refuses some cgroup layouts, runc some kernels).
 */
export async function probeRuntime(
  scratch: string,
): Promise<{ readonly runtime: RuntimeName; readonly refusals: readonly string[] }> {
  const refusals: string[] = [];
  for (const runtime of ['crun', 'runc'] as const) {
    if (!findProgram(runtime)) continue;
    try {
      await runTrue(runtime, join(scratch, runtime));
      return { runtime, refusals };
    } catch (error) {
      if (!(error instanceof AshlarError)) throw error;
      refusals.push(error.message);
    }
  }
  return { runtime: 'builtin', refusals };
}

async function runTrue(runtime: 'crun' | 'runc', directory: string): Promise<void> {
  const rootfs = join(directory, 'rootfs');
  for (const point of ['proc', 'dev', 'sys']) mkdirSync(join(rootfs, point), { recursive: true });
  const shown = ['/usr', '/bin', '/lib', '/lib64', '/nix', '/gnu'].filter(path => existsSync(path));
  for (const path of shown) mkdirSync(join(rootfs, path), { recursive: true });
  const output: Uint8Array[] = [];
  const status = await runBundle(runtime, {
    process: {
      args: [realpathSync('/bin/true')],
      environment: {},
      hostname: 'probe',
      network: 'host',
      account: { uid: 0, gid: 0, groups: [] },
      directory: '/',
    },
    rootfs,
    binds: shown.map(path => ({ source: realpathSync(path), target: path, readOnly: false })),
    directory: join(directory, 'bundle'),
    streams: { kind: 'collected', output: bytes => output.push(bytes) },
    signal: AbortSignal.timeout(20_000),
  });
  if (status !== 0)
    throw new AshlarError(
      `${runtime} fails here: ${Buffer.concat(output).toString().trim() || `exit status ${status}`}`,
    );
}
