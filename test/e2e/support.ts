/** What the end-to-end tests share: projects in directories of their own, and ashlar as a child process in them. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { exitStatus } from '../../src/support/signals.ts';
import { isRoot } from '../support/tools.ts';
import { type Image, readImage, readTags } from './images.ts';

export const ashlarProgram = fileURLToPath(new URL('../../bin/ashlar', import.meta.url));

/** The same program under the name that files and scripts of stacker's users have for it. */
export const stackerProgram = fileURLToPath(new URL('../../bin/stacker', import.meta.url));

/** The same program under the names that CEKit's users have for it. */
export const cekitProgram = fileURLToPath(new URL('../../bin/cekit', import.meta.url));
export const cekitCacheProgram = fileURLToPath(new URL('../../bin/cekit-cache', import.meta.url));

export interface Ended {
  /** Exit code, or 128 + the signal's number. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

export interface SpawnedIn {
  readonly cwd?: string;
  readonly env?: Variables;
  readonly input?: string;
}

/** skopeo refuses to work for a user without one, where root has used it before. */
const RUNTIME_DIRECTORY = { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir() };

/** Runs a program to its end, whatever that is. */
export async function execute(
  program: string,
  args: readonly string[],
  { cwd, env, input }: SpawnedIn = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...RUNTIME_DIRECTORY, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const texts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout?.on('data', (bytes: Buffer) => texts.stdout.push(bytes));
  child.stderr?.on('data', (bytes: Buffer) => texts.stderr.push(bytes));
  child.stdin?.end(input);
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(exitStatus(code, signal)));
  });
  const [stdout, stderr] = [texts.stdout, texts.stderr].map(pieces => Buffer.concat(pieces).toString());
  return { status, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** Standard output of a program that must succeed. */
export async function output(program: string, args: readonly string[], where?: SpawnedIn): Promise<string> {
  const { status, stdout, stderr } = await execute(program, args, where);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/**
 * Like `output`, as root of namespaces in which a plain user's subordinate ids exist: trees of builds have files that
 * only it can read, own and remove.
 */
export function outputAsRoot(program: string, args: readonly string[], where?: SpawnedIn): Promise<string> {
  if (isRoot) return output(program, args, where);
  return output('unshare', ['--user', '--map-auto', '--map-root-user', program, ...args], where);
}

/** The variables under which ashlar runs in tests: nothing of the user's own settings, nothing that changes results. */
function cleanEnvironment(directory: string): Variables {
  return {
    XDG_CONFIG_HOME: join(directory, 'config'),
    XDG_RUNTIME_DIR: undefined,
    DOCKER_CONFIG: undefined,
    REGISTRY_AUTH_FILE: undefined,
    SOURCE_DATE_EPOCH: undefined,
    ASHLAR_STORE: undefined,
    SUDO_USER: undefined,
    CI: undefined,
    TERM: 'dumb',
  };
}

/** A stacker file: its text, or a map of layers. */
export type StackerFile = string | Readonly<Record<string, object>>;

export interface Invocation extends SpawnedIn {
  /** Before the command. */
  readonly globals?: readonly string[];
}

/** A directory with a stacker file, its OCI layout and whatever a test puts there. */
export class Project {
  readonly path: string;
  readonly store: string;
  /** The program that builds. */
  readonly program: string;

  constructor(path: string, store: string, program = ashlarProgram) {
    this.path = path;
    this.store = store;
    this.program = program;
    mkdirSync(path, { recursive: true });
  }

  get oci(): string {
    return this.at('oci');
  }

  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Writes a file, and the directories on the way; returns its path. */
  write(name: string, content: string | Uint8Array, mode = 0o644): string {
    const path = this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode });
    return path;
  }

  writeStackerFile(file: StackerFile, name = 'stacker.yaml'): string {
    // JSON is YAML.
    return this.write(name, typeof file === 'string' ? file : JSON.stringify(file, null, 2));
  }

  /** Runs the program under the name that this project has for it. */
  ashlar(args: readonly string[], { globals = [], ...where }: Invocation = {}): Promise<Ended> {
    return execute(this.program, this.arguments(args, globals), {
      cwd: this.path,
      ...where,
      env: this.environment(where.env),
    });
  }

  arguments(args: readonly string[], globals: readonly string[] = []): readonly string[] {
    return ['--store', this.store, ...globals, ...args];
  }

  environment(env: Variables = {}): Variables {
    return { ...cleanEnvironment(this.path), ...env };
  }

  /** Builds, which must succeed. */
  async build(file: StackerFile, flags: readonly string[] = [], invocation: Invocation = {}): Promise<Ended> {
    const ended = await this.tryBuild(file, flags, invocation);
    if (ended.status !== 0)
      throw new Error(`the build ended with ${ended.status}:\n${ended.stdout}${ended.stderr}`);
    return ended;
  }

  tryBuild(file: StackerFile, flags: readonly string[] = [], invocation: Invocation = {}): Promise<Ended> {
    this.writeStackerFile(file);
    return this.ashlar(['build', ...flags], invocation);
  }

  /** The one message of a build that must fail, everything from `error: ` on. */
  async failure(
    file: StackerFile,
    flags: readonly string[] = [],
    invocation: Invocation = {},
  ): Promise<string> {
    return failureOf(await this.tryBuild(file, flags, invocation));
  }

  hasLayout(): boolean {
    return existsSync(this.at('oci', 'index.json'));
  }

  /** When a file was last written, in nanoseconds since 1970. */
  modified(...names: readonly string[]): bigint {
    return lstatSync(this.at(...names), { bigint: true }).mtimeNs;
  }

  image(tag: string): Image {
    return readImage(this.oci, tag);
  }

  tags(): readonly string[] {
    return readTags(this.oci);
  }

  /** Unpacks an image with umoci; returns its root directory. */
  async unpack(tag: string, oci = this.oci): Promise<string> {
    const bundle = mkdtempSync(this.at(`unpacked-${tag.replaceAll(/\W/g, '-')}-`));
    await outputAsRoot('umoci', ['unpack', '--image', `${oci}:${tag}`, join(bundle, 'b')]);
    return join(bundle, 'b', 'rootfs');
  }

  /** The text of a file of an image. */
  async fileOf(tag: string, path: string): Promise<string> {
    return outputAsRoot('cat', [join(await this.unpack(tag), path)]);
  }
}

/** The message of a command that must have failed as commands do: status 1, one error, no traces of our code. */
export function failureOf({ status, stdout, stderr }: Ended): string {
  const errors = stderr.match(/^error: /gm) ?? [];
  const problems = [
    ...(status === 1 ? [] : [`status ${status}`]),
    ...(errors.length === 1 ? [] : [`${errors.length} errors`]),
    ...(/^\s+at .*[:(]\d+|node:internal|bug in ashlar/m.test(stderr) ? ['a stack trace'] : []),
  ];
  if (problems.length > 0)
    throw new Error(`expected one plain error, got ${problems.join(', ')}:\n${stdout}${stderr}`);
  return stderr.slice(stderr.search(/^error: /m));
}

export interface Workspace {
  readonly path: string;
  /** The store that the projects of a test file share. */
  readonly store: string;
  /** A new project; with `own` store where a test counts on an empty one. */
  project(store?: 'shared' | 'own'): Project;
}

/** A directory for the projects of one test file, which build with `program`; removed after its tests. */
export function useWorkspace(program = ashlarProgram): Workspace {
  const path = join(tmpdir(), `ashlar-e2e-${randomBytes(6).toString('hex')}`);
  const store = join(path, 'store');
  let projects = 0;
  // Not before: a file whose tests are skipped must leave nothing behind.
  beforeAll(() => void mkdirSync(path, { mode: 0o700 }));
  afterAll(() => outputAsRoot('rm', ['-rf', path]));
  return {
    path,
    store,
    project(which = 'shared') {
      projects += 1;
      const directory = join(path, `project-${projects}`);
      return new Project(directory, which === 'shared' ? store : join(directory, 'store'), program);
    },
  };
}
