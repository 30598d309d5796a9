import { resolve } from 'node:path';
import {
  buildPlan,
  isReference,
  reportStack,
  type StackReport,
  type StackVerification,
  verifyImage,
} from '../../engine/index.ts';
import { hostPlatform } from '../../oci/index.ts';
import type { Plan } from '../../plan/types.ts';
import type { ConflictPolicy, ConflictRules } from '../../stacking/index.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { followed } from '../follow.ts';
import { checkBeforeWork } from '../machine/before-work.ts';
import { checkResultName } from '../result-name.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { decimalSize } from '../size.ts';
import { counted, isColorful, printLines, type Row, section } from '../table.ts';
import { buildOptions, type ResultFlags } from './build-options.ts';

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

const POLICIES: readonly string[] = ['error', 'warn', 'last', 'first'] satisfies readonly ConflictPolicy[];

function isPolicy(text: string): text is ConflictPolicy {
  return POLICIES.includes(text);
}

/** @throws UsageError for what is no policy. */
export function conflictRules(texts: readonly string[]): ConflictRules {
  let policy: ConflictPolicy = 'warn';
  const paths: { readonly glob: string; readonly policy: ConflictPolicy }[] = [];
  for (const text of texts) {
    const [, glob, word = text] = /^(\/.*)=([^=]*)$/s.exec(text) ?? [];
    if (!isPolicy(word)) {
      throw new UsageError(`unknown conflict policy: ${word}`, {
        hint: `there are ${POLICIES.join(', ')}, for all paths or for some: /etc/**=first`,
      });
    }
    if (glob === undefined) policy = word;
    else paths.push({ glob, policy: word });
  }
  return { policy, paths };
}

/** Where everything of a plan is from that no file describes. */
const AT: SourceSpan = { file: 'command line', line: 1, column: 1 };

/** A plan of one image that is nothing but other images, stacked. */
export function stackPlan(
  tag: string,
  images: readonly string[],
  conflicts: ConflictRules,
  ociDir: string,
): Plan {
  const [first] = images;
  if (first === undefined) throw new AshlarError('nothing to stack');
  const createdBy = `ashlar stack ${images.join(' ')}`;
  return {
    images: [
      {
        name: tag,
        base: {
          kind: 'stack',
          parts: images.map(image => ({
            kind: 'image',
            reference: isReference(image) ? image : `oci:${resolve(ociDir)}:${image}`,
            insecure: false,
            at: AT,
          })),
          conflicts,
          libraryCache: 'regenerate',
          createdBy,
          at: AT,
        },
        imports: [],
        steps: [],
        shell: { environment: { defaults: {}, passThrough: [], set: {} }, binds: [], importDirectories: [] },
        config: { environment: [], labels: {}, volumes: [] },
        annotations: {},
        platform: hostPlatform(),
        emit: true,
        after: [],
        createdBy,
        at: AT,
      },
    ],
  };
}

/** The report for people, what matters most last. */
export function reportLines(report: StackReport, color: boolean): readonly string[] {
  const { conflicts, merged, corrected, regenerate } = report;
  return [
    ...section('layers, the lowest first', report.layers.map(layerRow), color),
    ...section(
      'merged by what they mean',
      merged.flatMap(({ merger, paths }) => paths.map(path => ({ cells: [merger, path] }))),
      color,
    ),
    ...section(
      'made anew by programs of the image',
      regenerate.map(({ command }) => ({ cells: [command.join(' ')] })),
      color,
    ),
    ...section(
      'conflicts',
      conflicts.map(({ kind, policy, winner, path, text }) => ({
        cells: [policy, kind, policy === 'error' ? 'nobody wins' : `${winner} wins`, `${path}: ${text}`],
        ...(policy === 'error' ? { style: 'red' } : policy === 'warn' ? { style: 'yellow' } : {}),
      })),
      color,
    ),
    [
      `${counted(report.parts.length, 'image')}, ${counted(report.layers.length, 'layer')}`,
      `${decimalSize(report.bytesSaved)} shared`,
      `${counted(conflicts.length, 'conflict')}`,
      corrected.length === 0
        ? 'no layer of its own'
        : `a layer of its own with ${counted(corrected.length, 'path')}`,
      ...(report.orderIndependent ? ['any order gives the same'] : []),
    ].join('; '),
  ];
}

function layerRow({ digest, size, parts, moved }: StackReport['layers'][number]): Row {
  const shared = parts.length > 1 ? 'shared' : '';
  return {
    cells: [
      digest.slice(0, 19),
      decimalSize(size),
      parts.join(', '),
      ...[moved === undefined ? shared : `moved: ${moved}`],
    ],
  };
}

/** The proof for people. */
export function proofLines(image: string, proof: StackVerification, color: boolean): readonly string[] {
  const { record, differences, mergedFiles, regeneratedFiles } = proof;
  return [
    ...section(
      'merged by what they mean',
      mergedFiles.map(path => ({ cells: [path] })),
      color,
    ),
    ...section(
      'made anew by programs of the image: not compared',
      regeneratedFiles.map(path => ({ cells: [path] })),
      color,
    ),
    ...section(
      'differences',
      differences.map(({ path, text }) => ({ cells: [path, text], style: 'red' })),
      color,
    ),
    [
      `${image} is ${proof.proven ? 'proven' : 'not proven'} to be ${record.parts.map(({ name }) => name).join(' + ')}`,
      `${counted(proof.layersShared, 'layer')} shared`,
      `${decimalSize(proof.bytesSaved)} saved`,
      `${counted(mergedFiles.length, 'file')} merged`,
      counted(record.conflictCount, 'conflict'),
    ].join('; '),
  ];
}
