/** Results as an aligned table for the terminal, or as one of Markdown. */
import type { Measured, RaceResult } from './measure.ts';
import type { Target } from './workload.ts';

export interface Outcome {
  readonly name: string;
  readonly title: string;
  readonly result: RaceResult;
}

const header = ['workload', 'program', 'seconds', 'spread', 'ratio', 'memory', 'size', 'target', ''] as const;
type Row = Record<(typeof header)[number], string>;

/** Columns that are numbers are aligned to the right. */
const numbers: ReadonlySet<string> = new Set(['seconds', 'spread', 'ratio', 'memory', 'size']);

export function textTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(rowsOf);
  const widths = header.map(name => Math.max(name.length, ...rows.map(row => row[name].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) =>
        numbers.has(header[i] ?? '') ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(row => line(header.map(name => row[name])))].join('\n');
}

export function markdownTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(rowsOf);
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(header),
    line(header.map(name => (numbers.has(name) ? '--:' : '---'))),
    ...rows.map(row => line(header.map(name => row[name]))),
  ].join('\n');
}

/** One for each contender, and beside them one target after the other. */
function rowsOf({ title, result }: Outcome): readonly Row[] {
  const [ashlar] = result.measured;
  if (ashlar === undefined) return [];
  const targets = [
    ...result.targets.map(target => judge(target, ashlar, result.measured)),
    verdict(`≤ ${result.memoryLimit / 1e6} MB`, ashlar.memory, result.memoryLimit),
  ];
  const count = Math.max(result.measured.length, targets.length);
  return [...Array(count).keys()].map(i => {
    const measured = result.measured[i];
    return {
      workload: i === 0 ? title : '',
      program: measured?.contender ?? '',
      seconds: formatSeconds(measured?.median),
      spread: measured ? spread(measured.seconds) : '',
      ratio: measured && i > 0 ? formatRatio(ashlar.median, measured.median) : '',
      memory: measured ? formatMegabytes(measured.memory) : '',
      size: formatMegabytes(measured?.size),
      target: targets[i]?.text ?? '',
      '': targets[i]?.verdict ?? '',
    };
  });
}

interface Judged {
  readonly text: string;
  readonly verdict: string;
}

function judge(target: Target, ashlar: Measured, all: readonly Measured[]): Judged {
  const name = 'to' in target ? target.to : 'of' in target ? target.of : undefined;
  const peer = all.find(({ contender }) => contender === name);
  switch (target.kind) {
    case 'seconds':
      return verdict(`≤ ${target.atMost.toFixed(2)} s`, ashlar.median, target.atMost);
    case 'ratio':
      return verdict(
        `≤ ${Number(target.atMost.toFixed(2))} × ${target.to}`,
        ratio(ashlar.median, peer?.median),
        target.atMost,
      );
    case 'size':
      return verdict(
        `≤ ${target.atMost} × size of ${target.to}`,
        ratio(ashlar.size, peer?.size),
        target.atMost,
      );
    case 'bytes':
      return count(`≤ ${target.atMost} ${target.of}`, peer?.size, target.atMost);
  }
}

/** Misses say by how much. */
function verdict(text: string, value: number | undefined, limit: number): Judged {
  if (value === undefined) return { text, verdict: 'not compared' };
  return { text, verdict: value <= limit ? 'pass' : `miss (+${Math.ceil((value / limit - 1) * 100)} %)` };
}

function count(text: string, value: number | undefined, limit: number): Judged {
  if (value === undefined) return { text, verdict: 'not compared' };
  return { text, verdict: value <= limit ? 'pass' : `miss (${value})` };
}

function ratio(ours: number | undefined, theirs: number | undefined): number | undefined {
  return ours === undefined || !theirs ? undefined : ours / theirs;
}

function formatRatio(ours: number | undefined, theirs: number | undefined): string {
  return ratio(ours, theirs)?.toFixed(2) ?? '';
}

function formatSeconds(value: number | undefined): string {
  return value?.toFixed(3) ?? '';
}

function spread(values: readonly number[]): string {
  return values.length === 0 ? '' : `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
}

function formatMegabytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : `${(bytes / 1e6).toFixed(1)} MB`;
}
