/** Runs a race: everybody in turn, so that what else the machine does hits all alike. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { findProgram } from '../src/support/process.ts';
import { exitStatus } from '../src/support/signals.ts';
import { MemoryWatch } from './memory.ts';
import type { Stage } from './stage.ts';
import type { Contender, Race, Target } from './workload.ts';

export interface Measured {
  readonly contender: string;
  /** Of the timed runs, in their order; empty for a contender whose result alone is of interest. */
  readonly seconds: readonly number[];
  readonly median: number | undefined;
  /** Bytes. */
  readonly memory: number;
  /** Bytes. */
  readonly size: number | undefined;
}

export interface RaceResult {
  /** ashlar first; without those that are not installed. */
  readonly measured: readonly Measured[];
  readonly targets: readonly Target[];
  /** Bytes that ashlar may take. */
  readonly memoryLimit: number;
}

/** What workloads are held to where they say nothing else, in bytes. */
const usualMemory = 250e6;

/**
 * First a warm-up, which fills the caches of files and compiled code, then a run in which memory is watched, then the
 * timed ones, which nothing disturbs.
 */
export async function measure(race: Race, runs: number, stage: Stage): Promise<RaceResult> {
  const present = race.contenders.filter(({ name, needs = [] }) => {
    const missing = needs.filter(program => !findProgram(program));
    if (missing.length > 0) console.error(`  ${name}: left out, ${missing.join(', ')} not installed`);
    return missing.length === 0;
  });
  const records = present.map(contender => ({ contender, seconds: [] as number[], memory: 0 }));
  for (const record of records) {
    if (!record.contender.once) await runOnce(record.contender, 0, stage);
    using watch = new MemoryWatch(`${process.pid}-${record.contender.name}`);
    await runOnce(record.contender, 1, stage, watch.environment);
    record.memory = watch.peak;
  }
  for (let run = 2; run < runs + 2; run++) {
    for (const { contender, seconds } of records) {
      if (!contender.once) seconds.push(await runOnce(contender, run, stage));
    }
  }
  return {
    measured: records.map(({ contender, seconds, memory }) => ({
      contender: contender.name,
      seconds,
      median: median(seconds),
      memory,
      size: contender.size?.(),
    })),
    targets: race.targets,
    memoryLimit: race.memory ?? usualMemory,
  };
}

async function runOnce(
  contender: Contender,
  run: number,
  stage: Stage,
  extra: NodeJS.ProcessEnv = {},
): Promise<number> {
  await contender.prepare?.(run);
  // What earlier runs left to be written must not be written during this one.
  await stage.run('sync', '--file-system', stage.directory);
  const { program, args, cwd = stage.directory } = contender.command;
  const log = stage.path('log');
  const logFile = openSync(log, 'w');
  const started = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...stage.environment, ...extra },
    stdio: ['ignore', 'ignore', logFile],
  });
  closeSync(logFile);
  const status = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(exitStatus(code, signal)));
  });
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) {
    throw new Error(`${contender.name} ended with ${status}:\n${readFileSync(log, 'utf8').slice(-4000)}`);
  }
  return seconds;
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
