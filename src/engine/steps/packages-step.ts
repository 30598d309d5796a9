/** Steps that install and remove packages. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PackedLayer } from '../../layers/index.ts';
import {
  ARCHIVES,
  CONFIGURATION,
  LEFT_OUT,
  LEFT_OUT_OF_BOOTSTRAP,
  NONE_INSTALLED,
  type PackageWork,
  packageWork,
  WORK,
} from '../../packages/index.ts';
import { sourcesOfStep } from '../../plan/step-sources.ts';
import type { PackagesStep, Surroundings } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { say } from '../context.ts';
import type { ChangesPack } from '../inside/request-parts.ts';
import { packagesParts } from '../keys/system-parts.ts';
import { keepArchives, lendArchives } from './package-archives.ts';
import { openRequest, secretsOf } from './package-request.ts';
import { toolFor } from './package-tools.ts';
import { roomOf } from './rooms.ts';
import { runInRoom } from './running.ts';
import { commandFailure } from './script-failure.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';
import { epochOf } from './written.ts';

/** How the network is reached from here is nothing that a result may depend on. */
const PROXIES = '(?:(?:all|ftp|http|https|no)_proxy|(?:ALL|FTP|HTTP|HTTPS|NO)_PROXY)';

/** Installs and removes packages of the tree built so far; what that changed becomes a layer. */
export async function installPackages(packages: PackagesStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers, sources } = step;
  const keys = sourcesOfStep(packages).map(source => sources.of(source));
  return throughCache(
    {
      domain: 'packages',
      parts: await packagesParts(packages, plan, keys, layers, context),
      perform: pack => perform(packages, pack, step),
    },
    step,
  );
}

async function perform(
  packages: PackagesStep,
  pack: ChangesPack,
  step: StepContext,
): Promise<PackedLayer | undefined> {
  const { context, plan, layers } = step;
  const { store, workshop } = context;
  const tool = await toolFor(packages, layers, context);
  const directory = store.temporaryPath('packages');
  const [configuration, work] = [join(directory, 'configuration'), join(directory, 'work')];
  const archives = join(work, ARCHIVES);
  for (const path of [configuration, archives]) mkdirSync(path, { recursive: true });
  // Scripts of packages may leave files of any owner there.
  workshop.removeAtEnd(directory);
  const { request, binds } = await openRequest(packages, tool, configuration, epochOf(pack), step);
  const { files, script, environment, covers, warnings } = packageWork(request);
  const warn = (text: string) => say(context, plan.name, 'warning', text);
  warnings.forEach(warn);
  writeFiles(files, configuration);
  lendArchives(packages.manager, archives, store);
  const surroundings: Surroundings = {
    environment: { defaults: {}, passThrough: [PROXIES], set: environment },
    binds: [],
    importDirectories: [CONFIGURATION],
  };
  const room = await roomOf(surroundings, layers, configuration, context);
  const covered = covers.map(({ file, target }) => ({ source: join(configuration, file), target }));
  const readOnly = [...binds, ...covered].map(bind => ({ ...bind, readOnly: true as const }));
  try {
    return await runInRoom(
      { ...room, binds: [{ source: work, target: WORK }, ...readOnly] },
      {
        kind: 'packages',
        script,
        byHost: tool !== 'tree',
        leavings: tool === 'host-on-nothing' ? [...LEFT_OUT, ...LEFT_OUT_OF_BOOTSTRAP] : LEFT_OUT,
      },
      (status, output, advice) =>
        output.text().includes(NONE_INSTALLED)
          ? new AshlarError(NONE_INSTALLED, { at: packages.at })
          : commandFailure(packages, status, output, advice),
      pack,
      step,
      // Some managers show addresses as they were given.
      secretsOf(packages),
    );
  } finally {
    keepArchives(packages.manager, archives, store, warn);
  }
}

function writeFiles(files: PackageWork['files'], directory: string): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    // One of them is a program.
    writeFileSync(join(directory, name), text, { mode: 0o755 });
  }
}
