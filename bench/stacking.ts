/** Two images stacked by the command itself; the peer is a build that copies one into the other. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildahIn } from './builds.ts';
import type { Fixtures } from './fixtures.ts';
import { once, type Stage } from './stage.ts';
import type { Contender, Workload } from './workload.ts';

/** Two images that are the base and a layer each. */
interface Pair {
  /** The project in which they were built, their layout and the store in it. */
  readonly project: string;
  readonly layout: string;
  /** Digests of all layers, in hexadecimal digits. */
  readonly layers: readonly string[];
}

export function stacking(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  const pair = once(async () => makePair(stage, (await fixtures.debianImage()).reference));
  return [
    {
      name: 'stack',
      title: 'two images on one Debian root stacked',
      prepare: async () => ({
        contenders: [
          ashlar(stage, await pair()),
          bytesTouched(stage, await pair()),
          buildah(stage, await pair()),
        ],
        targets: [
          { kind: 'seconds', atMost: 0.3 },
          { kind: 'ratio', to: 'buildah', atMost: 0.05 },
          { kind: 'bytes', of: TRACED, atMost: 0 },
        ],
      }),
    },
  ];
}

async function makePair(stage: Stage, base: string): Promise<Pair> {
  const project = stage.made('pair');
  const layer = (name: string) => ({
    from: { type: 'oci', url: base },
    imports: [{ path: name, dest: `/opt/${name}` }],
  });
  for (const name of ['x', 'y']) writeFileSync(join(project, name), `${name}\n`);
  writeFileSync(join(project, 'stacker.yaml'), JSON.stringify({ x: layer('x'), y: layer('y') }));
  await build(stage, project);
  const layout = join(project, 'oci');
  // Contents of layers are read once; what is measured is every stack from then on.
  writeFileSync(join(project, 'stacker.yaml'), JSON.stringify(stacked(0)));
  await build(stage, project);
  const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const manifests: { digest: string }[] = json(join(layout, 'index.json')).manifests;
  const layers = manifests.flatMap(({ digest }) =>
    json(join(layout, 'blobs', digest.replace(':', '/'))).layers.map((blob: { digest: string }) =>
      blob.digest.slice(7),
    ),
  );
  return { project, layout, layers: [...new Set<string>(layers)] };
}

async function build(stage: Stage, project: string): Promise<void> {
  const { program, args } = buildCommand(stage, project);
  await stage.run('env', '-C', project, program, ...args);
}

function buildCommand(stage: Stage, project: string) {
  return stage.ashlar(project, '--store', 'store', 'build');
}

/** Another image every time, by rules that nothing was ever decided by. */
function stacked(run: number): object {
  const part = (tag: string) => ({ type: 'oci', url: `oci:${tag}` });
  const conflicts = { [`/run-${run}`]: 'error' };
  return { both: { from: [part('x'), part('y')], conflicts, labels: { run: String(run) } } };
}

function ashlar(stage: Stage, { project }: Pair): Contender {
  return {
    name: 'ashlar',
    prepare: run => writeFileSync(join(project, 'stacker.yaml'), JSON.stringify(stacked(run + 1))),
    command: buildCommand(stage, project),
  };
}

const TRACED = 'bytes of layers';

/** The same once more under strace, which tells how much of layers is read or written. */
function bytesTouched(stage: Stage, { project, layers }: Pair): Contender {
  const log = stage.path('trace');
  const { program, args, cwd } = buildCommand(stage, project);
  const calls = 'read,pread64,readv,preadv,write,pwrite64,writev,pwritev,copy_file_range,sendfile,splice';
  const strace = ['-f', '-qq', '--decode-fds=path', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', log];
  return {
    name: TRACED,
    needs: ['strace'],
    once: true,
    prepare: () => writeFileSync(join(project, 'stacker.yaml'), JSON.stringify(stacked(-1))),
    command: { program: 'strace', args: [...strace, program, ...args], cwd: cwd ?? project },
    size: () => bytesOf(readFileSync(log, 'utf8'), layers),
  };
}

/** Bytes of what becomes a blob below which it is a document. */
const DOCUMENT = 64 * 1024;

/** The sum of what calls on files returned that are blobs of layers, or on the way to being one. */
function bytesOf(trace: string, layers: readonly string[]): number {
  const layer = new RegExp(`/(?:${layers.join('|')})$`);
  const bytes = new Map<string, number>();
  for (const [, path = '', result = ''] of trace.matchAll(/<(\/[^<>]*)>.* = (\d+)$/gm))
    bytes.set(path, (bytes.get(path) ?? 0) + Number(result));
  const touched = [...bytes].filter(
    ([path, count]) =>
      layer.test(path) || (/\/tmp\/.*\/(?:layer|blob)-[^/]*$/.test(path) && count > DOCUMENT),
  );
  return touched.reduce((sum, [, count]) => sum + count, 0);
}

/** All of the second image over the first one, from images that are in its storage. */
function buildah(stage: Stage, { layout }: Pair): Contender {
  const project = stage.path('stack-buildah');
  const call = buildahIn(project);
  const bud = [...call, 'bud', '--quiet', '--tag', 'both', 'context'].join(' ');
  const push = [...call, 'push', '--quiet', 'both', 'oci:output:both'].join(' ');
  return {
    name: 'buildah',
    needs: ['buildah'],
    async prepare(run) {
      if (run === 0) {
        mkdirSync(stage.made('stack-buildah', 'context'), { recursive: true });
        for (const name of ['x', 'y']) {
          const image = (await stage.run('env', ...call, 'pull', '--quiet', `oci:${layout}:${name}`)).trim();
          await stage.run('env', ...call, 'tag', image, name);
        }
      }
      const lines = ['FROM localhost/x', 'COPY --from=localhost/y / /', `LABEL run=${run}`];
      writeFileSync(join(project, 'context/Dockerfile'), `${lines.join('\n')}\n`);
    },
    command: { program: 'sh', args: ['-ec', `${bud}\n${push}`], cwd: project },
  };
}
