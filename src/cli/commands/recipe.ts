/** From flags to a Plan: what the commands that read stacker files have in common. */
import { hostPlatform } from '../../oci/index.ts';
import { loadStackerPlan, type StackerOptions, type StackerRecipe } from '../../recipes/stacker/index.ts';
import { type Log, withPlace } from '../log.ts';
import type { Settings } from '../settings.ts';
import { VERSION } from '../version.ts';

/** The flags that decide what is planned, as commander gives them. */
export interface PlanFlags {
  readonly stackerFile: readonly string[];
  readonly substitute: readonly string[];
  readonly substituteFile: readonly string[];
  readonly strictSubstitution?: true;
  readonly requireHash?: true;
  readonly applyConsiderTimestamps?: true;
  readonly annotationsNamespace: string;
  readonly stackerYaml?: boolean;
}

export function loadRecipe(settings: Settings, flags: PlanFlags, log: Log): Promise<StackerRecipe> {
  return loadStackerPlan(stackerOptions(settings, flags, log));
}

export function stackerOptions(settings: Settings, flags: PlanFlags, log: Log): StackerOptions {
  return {
    files: flags.stackerFile,
    substitutions: flags.substitute,
    substituteFiles: flags.substituteFile,
    stackerDir: settings.stackerDir,
    rootsDir: settings.rootsDir,
    ociDir: settings.ociDir,
    workDir: settings.workDir,
    cwd: process.cwd(),
    annotationsNamespace: flags.annotationsNamespace,
    version: VERSION,
    requireHash: flags.requireHash ?? false,
    strictSubstitution: flags.strictSubstitution ?? false,
    considerTimestamps: flags.applyConsiderTimestamps ?? false,
    storeText: flags.stackerYaml ?? true,
    hostPlatform: hostPlatform(),
    warn: (message, at) => log('warning', withPlace(message, at)),
    debug: message => log('debug', message),
  };
}
