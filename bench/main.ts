/**
 * The benchmark: ashlar against what else is installed, on fixed workloads (docs/performance.md). A missed target is a
 * finding, not a failure.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findProgram } from '../src/support/process.ts';
import { builds } from './builds.ts';
import { cekit } from './cekit.ts';
import { fileSystems } from './file-systems.ts';
import { fixturesIn } from './fixtures.ts';
import { graphs } from './graphs.ts';
import { kiwi } from './kiwi.ts';
import { layers } from './layers.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { registry } from './registry.ts';
import { stacking } from './stacking.ts';
import { Stage } from './stage.ts';
import { markdownTable, type Outcome, textTable } from './table.ts';
import type { Workload } from './workload.ts';

const usage = `npm run bench -- [options]
  --runs N          timed runs of each program (default 5)
  --only NAME       one workload (repeatable)
  --json FILE       write the measurements
  --markdown FILE   write the table between the markers in FILE`;

/** Without these nothing can be prepared; other peers may be missing. */
const required = ['bash', 'mmdebstrap', 'tar', 'umoci'];

const begin = '<!-- measured: begin -->';
const end = '<!-- measured: end -->';

interface Options {
  readonly runs: number;
  readonly only: readonly string[];
  readonly json: string | undefined;
  readonly markdown: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      markdown: { type: 'string' },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a number, not ${values.runs}`);
  return { runs, only: values.only, json: values.json, markdown: values.markdown };
}

function choose(workloads: readonly Workload[], only: readonly string[]): readonly Workload[] {
  const names = workloads.map(({ name }) => name);
  const unknown = only.filter(name => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no workload ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return only.length === 0 ? workloads : workloads.filter(({ name }) => only.includes(name));
}

async function main({ runs, only, json, markdown }: Options): Promise<void> {
  const missing = required.filter(name => !findProgram(name));
  if (missing.length > 0) throw new Error(`the benchmark needs ${missing.join(', ')}`);
  if (process.getuid?.() !== 0) throw new Error('the benchmark runs as root, as some of its peers must');

  await using stage = await Stage.create();
  const fixtures = fixturesIn(stage);
  const workloads = choose(
    [
      ...builds(stage, fixtures),
      ...graphs(stage, fixtures),
      ...layers(stage, fixtures),
      ...fileSystems(stage, fixtures),
      ...stacking(stage, fixtures),
      ...cekit(stage),
      ...kiwi(stage, fixtures),
      ...registry(stage, fixtures),
    ],
    only,
  );
  const outcomes: Outcome[] = [];
  for (const { name, title, needs = [], prepare } of workloads) {
    const lacking = needs.filter(program => !findProgram(program));
    if (lacking.length > 0) {
      console.error(`${name}: left out, ${lacking.join(', ')} not installed`);
      continue;
    }
    console.error(`${name}: ${title}`);
    outcomes.push({ name, title, result: await measure(await prepare(), runs, stage) });
  }
  const machine = await describeMachine(stage);
  console.log(`${textTable(outcomes)}\n\n${machine}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, runs, outcomes }, null, 2)}\n`);
  if (markdown !== undefined) {
    const text = `Medians of ${runs} runs. ${machine}.\n\n${markdownTable(outcomes)}`;
    writeFileSync(markdown, between(readFileSync(markdown, 'utf8'), text));
  }
}

/** The page with this text in place of what was between the markers. */
function between(page: string, text: string): string {
  const [before, rest, after] = [page.indexOf(begin), page.indexOf(end), page.slice(page.indexOf(end))];
  if (before < 0 || rest < before) throw new Error(`there are no markers ${begin} and ${end}`);
  return `${page.slice(0, before + begin.length)}\n${text}\n${after}`;
}

// Ctrl-C reaches the running program, too: its failure ends the benchmark, and what it has made is removed.
process.on('SIGINT', () => {});
try {
  await main(readOptions());
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  process.exitCode = 1;
}
