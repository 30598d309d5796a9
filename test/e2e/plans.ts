/** Plans written by hand, and built in this process. */
import { join } from 'node:path';
import { buildPlan } from '../../src/engine/build.ts';
import type { BuildOptions } from '../../src/engine/context.ts';
import type { BuildEvent, EventSink } from '../../src/engine/events.ts';
import { explainPlan } from '../../src/engine/keys/explain.ts';
import type { BuiltImage } from '../../src/engine/values.ts';
import type { ConfigChange, ConfigStep, ExecStep, ImagePlan, Text } from '../../src/plan/types.ts';

export const at = { file: 'plan', line: 1, column: 1 };

export const noChange: ConfigChange = { environment: [], labels: {}, volumes: [] };

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** An image on an OCI layout (`directory:tag`), or from nothing. */
export function imagePlan(name: string, base: string | undefined, rest: Partial<ImagePlan> = {}): ImagePlan {
  return {
    name,
    base:
      base === undefined
        ? { kind: 'scratch', at }
        : { kind: 'image', reference: `oci:${base}`, insecure: false, at },
    imports: [],
    steps: [],
    shell: { environment: { defaults: {}, passThrough: [], set: {} }, binds: [], importDirectories: [] },
    config: { ...noChange, defaultEnvironment: [['PATH', defaultPath]] },
    annotations: {},
    platform: { os: 'linux', architecture: 'amd64' },
    emit: true,
    after: [],
    createdBy: 'test',
    at,
    ...rest,
  };
}

export function configStep(change: Partial<ConfigChange>, rest: Partial<ConfigStep> = {}): ConfigStep {
  return {
    kind: 'config',
    change: { ...noChange, ...change },
    buildArguments: [],
    createdBy: '',
    at,
    ...rest,
  };
}

export function execStep(
  command: readonly string[],
  user: Text = '',
  rest: Partial<ExecStep> = {},
): ExecStep {
  return {
    kind: 'exec',
    command,
    user,
    passThrough: [],
    createdBy: command.join(' '),
    failure: 'command failed',
    at,
    ...rest,
  };
}

export interface Built {
  readonly images: readonly BuiltImage[];
  readonly events: readonly BuildEvent[];
}

/** Builds images into `<directory>/oci`. */
export async function buildImages(
  directory: string,
  images: readonly ImagePlan[],
  options: Partial<BuildOptions> = {},
  follow: EventSink = () => {},
): Promise<Built> {
  const events: BuildEvent[] = [];
  const built = await buildPlan(
    { images },
    optionsIn(directory, options),
    event => {
      events.push(event);
      follow(event);
    },
    new AbortController().signal,
  );
  return { images: built, events };
}

/** Lines of `ashlar explain` about the changes of an image since it was built. */
export async function explained(
  directory: string,
  image: ImagePlan,
  options: Partial<BuildOptions> = {},
): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const [explanation] = await explainPlan(
    { images: [image] },
    [],
    optionsIn(directory, options),
    () => {},
    signal,
  );
  return explanation?.changes.map(({ where, text }) => `${where}: ${text}`) ?? [];
}

function optionsIn(directory: string, options: Partial<BuildOptions>): BuildOptions {
  return {
    store: join(directory, 'store'),
    output: join(directory, 'oci'),
    project: { work: join(directory, '.stacker'), roots: join(directory, 'roots') },
    jobs: 2,
    noCache: false,
    compression: 'gzip',
    forms: { types: ['tar'], verity: false },
    network: 'host',
    environment: {},
    authorship: { author: 'tester', created: '2001-01-01T00:00:00Z' },
    ...options,
  };
}
