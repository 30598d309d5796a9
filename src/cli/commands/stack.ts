import { buildPlan, reportStack, verifyImage } from '../../engine/index.ts';
import type { ConflictRules } from '../../stacking/index.ts';
import { UsageError } from '../failure.ts';
import { followed } from '../follow.ts';
import { checkBeforeWork } from '../machine/before-work.ts';
import { checkResultName } from '../result-name.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { isColorful, printLines } from '../table.ts';
import { buildOptions, type ResultFlags } from './build-options.ts';
import { proofLines, reportLines } from './stack-lines.ts';
import { conflictRules, stackPlan } from './stack-plan.ts';

export interface StackFlags extends ResultFlags {
  readonly dryRun?: true;
  readonly verify?: true;
  readonly json?: true;
  /** `POLICY` or `GLOB=POLICY`. */
  readonly conflicts: readonly string[];
  readonly tag?: string;
}

/** Stacks images, tells how they would be stacked, or proves how one was. */
export async function stack(
  globals: GlobalFlags,
  images: readonly string[],
  flags: StackFlags,
): Promise<void> {
  const settings = await readSettings(globals);
  if (flags.verify) return verify(globals, settings, images, flags);
  const rules = conflictRules(flags.conflicts);
  if (flags.dryRun) return report(globals, settings, images, rules, flags);
  const { tag } = flags;
  if (tag === undefined) {
    throw new UsageError('--tag is missing: the name of the result', {
      hint: 'with --dry-run nothing is made, and it needs no name',
    });
  }
  checkResultName(tag);
  const plan = stackPlan(tag, images, rules, settings.ociDir);
  await followed(globals, {}, async ({ log, emit, signal }) => {
    checkBeforeWork({ store: settings.store, output: settings.ociDir, runs: false }, text =>
      log('warning', text),
    );
    await buildPlan(plan, buildOptions(settings, flags), emit, signal);
  });
}

async function report(
  globals: GlobalFlags,
  settings: Settings,
  images: readonly string[],
  rules: ConflictRules,
  flags: StackFlags,
): Promise<void> {
  const found = await followed(globals, {}, ({ emit, signal }) =>
    reportStack(images, rules, buildOptions(settings, flags), emit, signal),
  );
  printLines(flags.json ? [JSON.stringify(found, null, 2)] : reportLines(found, isColorful()));
  if (found.conflicts.some(({ policy }) => policy === 'error')) process.exitCode = 1;
}

async function verify(
  globals: GlobalFlags,
  settings: Settings,
  images: readonly string[],
  flags: StackFlags,
): Promise<void> {
  const [image, more] = images;
  if (image === undefined || more !== undefined) throw new UsageError('--verify takes one image');
  const proof = await followed(globals, {}, ({ emit, signal }) =>
    verifyImage(image, buildOptions(settings, flags), emit, signal),
  );
  printLines(flags.json ? [JSON.stringify(proof, null, 2)] : proofLines(image, proof, isColorful()));
  if (!proof.proven) process.exitCode = 1;
}
