/** `cekit test`: the tests of a descriptor, in containers of its image. */
import { dirname, resolve } from 'node:path';
import { type BuildOptions, holdProject, testImage } from '../../engine/index.ts';
import { findTests, type Override, type Scenario, selectScenarios } from '../../recipes/cekit/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { showSpan } from '../../support/excerpt.ts';
import { readCekitConfig } from '../cekit/config.ts';
import { applyColorFlag, ashlarGlobals, type CekitGlobals } from '../cekit/globals.ts';
import { imageAlone, loadDescriptor, planOf } from '../cekit/load.ts';
import { type Failure, type Patience, runScenario } from '../cekit/scenarios.ts';
import { CekitUsageError } from '../cekit/usage.ts';
import { type Followed, followed } from '../follow.ts';
import { checkBefore } from '../globals.ts';
import { readSettings } from '../settings.ts';
import { buildImages } from './build.ts';
import { buildOptions } from './build-options.ts';

export interface CekitTestFlags {
  /** Built from the descriptor when absent. */
  readonly image?: string;
  readonly overrides?: readonly Override[];
  readonly stepsUrl?: string;
  readonly stepsRef?: string;
  readonly wip?: true;
  readonly includeRe?: string;
  readonly excludeRe?: string;
  readonly name: readonly string[];
  readonly runtime?: string;
}

/** @throws AshlarError when a scenario fails. */
export async function cekitTest(flags: CekitTestFlags, globals: CekitGlobals): Promise<void> {
  applyColorFlag(globals);
  checkFlags(flags);
  const ours = ashlarGlobals(globals);
  await checkBefore(ours);
  const settings = await readSettings(ours);
  const descriptor = globals.descriptor ?? 'image.yaml';
  const { overrides = [], runtime } = flags;
  const order = {
    descriptor,
    tags: [],
    flags: { overrides, ...(globals.redhat && { redhat: true as const }) },
    config: readCekitConfig(globals),
    store: settings.store,
  };
  await followed(ours, {}, async work => {
    const { log, signal } = work;
    if (flags.stepsUrl !== undefined || flags.stepsRef !== undefined)
      log('warning', 'the common steps are built in: --steps-url and --steps-ref are ignored');
    using loaded = await loadDescriptor(order, log, signal);
    const { features, foreignSteps } = await findTests(loaded.description, dirname(resolve(descriptor)));
    if (features.length === 0) return log('warning', "No test collected, test can't be run.");
    if (foreignSteps.length > 0)
      log(
        'warning',
        `steps in Python cannot be run, and scenarios with them fail: ${foreignSteps.join(', ')}`,
      );
    const { includeRe, excludeRe } = flags;
    const scenarios = selectScenarios(features, {
      image: loaded.description.target.name.text,
      wip: flags.wip ?? false,
      names: flags.name,
      ...(includeRe !== undefined && { include: includeRe }),
      ...(excludeRe !== undefined && { exclude: excludeRe }),
    });
    const all = features.flatMap(feature => feature.scenarios).length;
    const result = {
      layerType: ['tar'],
      compression: 'gzip',
      network: 'host',
      ...(runtime && { runtime }),
    } as const;
    const options = buildOptions(settings, { ...result, debug: ours.debug ?? false }, loaded.fetch);
    const failed =
      scenarios.length === 0 ? 0 : await testIn(scenarios, flags.image ?? (await built()), options, work);
    const passed = scenarios.length - failed;
    print(
      `${count(passed, 'passed')}, ${count(failed, 'failed')}, ${count(all - scenarios.length, 'skipped')}`,
    );
    if (failed > 0) throw new AshlarError('Test execution failed, please consult output above');

    async function built(): Promise<string> {
      const plan = imageAlone(await planOf(loaded));
      await buildImages(plan, options, work);
      const image = plan.images.find(({ emit }) => emit);
      if (!image) throw new Error('the plan of a descriptor hands out no image');
      return image.tags?.[0] ?? image.name;
    }
  });
}

/** Returns how many have failed. */
async function testIn(
  scenarios: readonly Scenario[],
  image: string,
  options: BuildOptions,
  { log, emit, signal }: Followed,
): Promise<number> {
  // Nobody may remove meanwhile what is being tested.
  using _ = await holdProject(options.project, 'shared');
  return await testImage(image, options, emit, signal, async tested => {
    const context = { image: tested, log, signal, patience: patience() };
    let failed = 0;
    for (const scenario of scenarios) {
      const failure = await runScenario(scenario, context);
      const { feature, name, at } = scenario;
      print(`${failure ? 'failed' : 'passed'}: ${feature}: ${name} (${showSpan(at)})`);
      if (!failure) continue;
      failed += 1;
      print(explained(failure));
    }
    return failed;
  });
}

/** As CEKit's own steps have it; what the user says holds for all of them. */
function patience(): Patience {
  const text = process.env.BEHAVE_TIMEOUT;
  if (text === undefined) return { usual: 30, commands: 80, settling: 10 };
  if (!/^\d{1,6}$/.test(text))
    throw new CekitUsageError(`BEHAVE_TIMEOUT is not a whole number of seconds: ${text}`);
  const usual = Number(text);
  return { usual, commands: usual, settling: Math.min(usual, 10) };
}

function explained({ step, error }: Failure): string {
  const { message, hint } = error;
  const lines = [
    `${showSpan(step.at)}: ${step.text}`,
    ...message.split('\n'),
    ...(hint ? [`hint: ${hint}`] : []),
  ];
  return lines.map(line => `  ${line}`).join('\n');
}

function count(number: number, what: string): string {
  return `${number} scenario${number === 1 ? '' : 's'} ${what}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** @throws CekitUsageError for flags that contradict each other. */
function checkFlags({ wip, name, includeRe, excludeRe }: CekitTestFlags): void {
  const expressions = includeRe !== undefined || excludeRe !== undefined;
  const together = (names: string) => new CekitUsageError(`Parameters ${names} cannot be used together`);
  const notWith = (first: string) =>
    new CekitUsageError(`Parameters ${first} cannot be used with --include-re or --exclude-re`);
  if (wip && name.length > 0) throw together('--name and --wip');
  if (includeRe !== undefined && excludeRe !== undefined) throw together('--include-re and --exclude-re');
  if (name.length > 0 && expressions) throw notWith('--names');
  if (wip && expressions) throw notWith('--wip');
}
