/** The place where everything happens: one temporary directory, and an environment without the user's own settings. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runProgram } from '../src/support/process.ts';
import type { Command } from './workload.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));

export class Stage implements AsyncDisposable {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly #owned = new AsyncDisposableStack();
  #aside = 0;

  private constructor(directory: string) {
    this.directory = directory;
    this.environment = {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      HOME: join(directory, 'home'),
      // Some peers keep large temporary files in /var/tmp, which may be another disk.
      TMPDIR: join(directory, 'tmp'),
      NODE_COMPILE_CACHE: join(directory, 'home/compiled'),
    };
    for (const name of ['home', 'tmp', 'aside']) mkdirSync(join(directory, name));
  }

  /** Bundles ashlar, and for the parts of it that have no command the child process that calls them. */
  static async create(): Promise<Stage> {
    await must(process.execPath, ['scripts/build.ts'], { cwd: checkout });
    // In lower case, since buildah takes no other paths of layouts. Two of a name are an error, as they should be.
    const directory = join(tmpdir(), `ashlar-bench-${process.pid}`);
    mkdirSync(directory, { mode: 0o700 });
    const stage = new Stage(directory);
    symlinkSync(join(checkout, 'node_modules'), stage.path('node_modules'));
    await build({
      absWorkingDir: checkout,
      entryPoints: { child: 'bench/child.ts', 'layer-worker': 'src/layers/worker.ts' },
      outdir: stage.path('child'),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node22',
      external: ['koffi'],
      banner: {
        js: "import { createRequire as benchRequire } from 'node:module'; const require = benchRequire(import.meta.url);",
      },
      logLevel: 'warning',
    });
    return stage;
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /**
   * The path of a file or directory of which nothing is there. What was there is put aside until the end: ext4 does not
   * use the inodes of removed files again for minutes, and looking for others takes it seconds.
   */
  cleared(...names: readonly string[]): string {
    const path = this.path(...names);
    if (existsSync(path)) renameSync(path, this.path('aside', String(this.#aside++)));
    return path;
  }

  /** A new empty directory. */
  made(...names: readonly string[]): string {
    const path = this.cleared(...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  ashlar(cwd: string, ...args: readonly string[]): Command {
    return { program: join(checkout, 'bin/ashlar'), args, cwd };
  }

  /** A call of ashlar's libraries, see child.ts. */
  child(...args: readonly string[]): Command {
    return { program: process.execPath, args: [this.path('child/child.mjs'), ...args] };
  }

  /** Runs what is not timed; throws when it fails. Returns its standard output. */
  run(program: string, ...args: readonly string[]): Promise<string> {
    return must(program, args, { cwd: this.directory, env: this.environment });
  }

  /** Something that goes when the stage goes. */
  own<T extends AsyncDisposable>(resource: T): T {
    return this.#owned.use(resource);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
    removeTree(this.directory);
  }
}

export const debianRootScript = join(checkout, 'scripts/debian-root');

async function must(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  const { status, stdout, stderr } = await runProgram(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

/** Builds that failed may have left something mounted, so that is undone first. */
function removeTree(path: string): void {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(point => point === path || point.startsWith(`${path}/`));
  for (const point of mounted.reverse()) spawnSync('umount', ['--lazy', point]);
  rmSync(path, { recursive: true, force: true });
}

/** A value that is made when somebody first asks for it. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
