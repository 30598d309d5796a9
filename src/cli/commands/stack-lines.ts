/** How images are stacked, and how one was, for people. */
import type { StackReport, StackVerification } from '../../engine/index.ts';
import { decimalSize } from '../size.ts';
import { counted, type Row, section } from '../table.ts';

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
      `${whatIsProven(image, proof)} ${proof.proven ? 'proven' : 'not proven'} to be ${record.parts.map(({ name }) => name).join(' + ')}`,
      `${counted(proof.layersShared, 'layer')} shared`,
      `${decimalSize(proof.bytesSaved)} saved`,
      `${counted(mergedFiles.length, 'file')} merged`,
      counted(record.conflictCount, 'conflict'),
    ].join('; '),
  ];
}

/** Of layers above the stack nothing is known. */
function whatIsProven(image: string, { record, layersShared, layersAbove }: StackVerification): string {
  if (layersAbove === 0) return `${image} is`;
  const own = [record.extra, record.regenerated].filter(place => place !== undefined);
  const stacked = layersShared + own.length;
  const verb = stacked === 1 ? 'is' : 'are';
  return `the lowest ${stacked} of the ${stacked + layersAbove} layers of ${image} ${verb}`;
}
