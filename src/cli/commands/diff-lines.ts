/** What is different between two images, for people. */
import { dirname } from 'node:path';
import type { ImageDiff, PackageDifference, PathDifference, PathState } from '../../engine/index.ts';
import { decimalSize } from '../size.ts';
import { counted, type Row, type Style, section } from '../table.ts';

/** The difference for people, the summary last. A directory that is new or gone stands for all that is in it. */
export function diffLines(diff: ImageDiff, color: boolean): readonly string[] {
  return [
    ...section('packages', diff.packages.map(packageRow), color),
    ...section('config', diff.config.map(configRow), color),
    ...section('paths', pathRows(diff.paths), color),
    summary(diff),
  ];
}

const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red' };

function row(sign: '+' | '-' | '~', ...cells: readonly string[]): Row {
  const style = STYLES[sign];
  return { cells: [`${sign} ${cells[0] ?? ''}`, ...cells.slice(1)], ...(style !== undefined && { style }) };
}

function packageRow({ manager, name, change, before = '', after = '' }: PackageDifference): Row {
  switch (change) {
    case 'installed':
      return row('+', name, after, manager);
    case 'removed':
      return row('-', name, before, manager);
    default:
      return row('~', name, `${before} -> ${after}`, `${manager}, ${change}`);
  }
}

function configRow({ setting, name, before, after }: ImageDiff['config'][number]): Row {
  const what = name === undefined ? setting : `${setting} ${name}`;
  if (before === undefined) return row('+', what, after ?? '');
  if (after === undefined) return row('-', what, before);
  return row('~', what, `${before} -> ${after}`);
}

function pathRows(paths: readonly PathDifference[]): readonly Row[] {
  const whole = new Set(paths.flatMap(found => (isWholeDirectory(found) ? [found.path] : [])));
  const contents = new Map([...whole].map(path => [path, { files: 0, bytes: 0 }]));
  const shown = paths.filter(found => {
    const content = contents.get(highest(found.path, whole) ?? '');
    if (content === undefined) return true;
    const state = stateOf(found);
    if (state.type !== 'directory') content.files += 1;
    content.bytes += state.size ?? 0;
    return false;
  });
  return shown.map(found => {
    if (found.change === 'changed') return row('~', found.path, changeText(found));
    const sign = found.change === 'added' ? '+' : '-';
    const content = contents.get(found.path);
    if (content === undefined) return row(sign, found.path, entryText(stateOf(found)));
    const { files, bytes } = content;
    const text = files === 0 ? 'empty' : `${counted(files, 'file')}, ${decimalSize(bytes)}`;
    return row(sign, found.path === '/' ? '/' : `${found.path}/`, text);
  });
}

/** Where a directory is new or gone, so is all that is in it. */
function isWholeDirectory(found: PathDifference): boolean {
  return found.change !== 'changed' && stateOf(found).type === 'directory';
}

/** The highest directory above a path that stands for all that is in it. */
function highest(path: string, whole: ReadonlySet<string>): string | undefined {
  let found: string | undefined;
  for (let at = path; at !== '/'; ) {
    at = dirname(at);
    if (!whole.has(at)) break;
    found = at;
  }
  return found;
}

function stateOf(found: PathDifference): PathState {
  return found.change === 'removed' ? found.before : found.after;
}

function entryText({ type, size, link }: PathState): string {
  if (size !== undefined) return decimalSize(size);
  return link === undefined ? type : `-> ${link}`;
}

type Changed = Extract<PathDifference, { readonly change: 'changed' }>;

function changeText(found: Changed): string {
  return found.what.map(aspect => aspectText(aspect, found)).join(', ');
}

function aspectText(aspect: Changed['what'][number], { before, after }: Changed): string {
  switch (aspect) {
    case 'type':
      return `${before.type} -> ${after.type}`;
    case 'content':
      return `content (${decimalSize(before.size ?? 0)} -> ${decimalSize(after.size ?? 0)})`;
    case 'link':
      return `link (${before.link} -> ${after.link})`;
    case 'mode':
      return `mode (${before.mode} -> ${after.mode})`;
    case 'owner':
      return `owner (${before.uid}:${before.gid} -> ${after.uid}:${after.gid})`;
    case 'device':
    case 'xattrs':
      return aspect;
  }
}

function summary({ paths, packages, config, layers }: ImageDiff): string {
  const shared = `layers shared: ${layers.shared} (of ${layers.from} and ${layers.to})`;
  if (paths.length + packages.length + config.length === 0) return `no differences; ${shared}`;
  return [
    changes(
      paths.map(({ change }) => change),
      'path',
    ),
    changes(
      packages.map(({ change }) => change),
      'package',
    ),
    config.length > 0 ? counted(config.length, 'setting') : '',
    shared,
  ]
    .filter(text => text !== '')
    .join('; ');
}

/** `3 paths added, 1 changed`, or nothing. */
function changes(kinds: readonly string[], noun: string): string {
  const counts = [...Map.groupBy(kinds, kind => kind)].map(([kind, all]) => [kind, all.length] as const);
  return counts
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count], i) => (i === 0 ? `${counted(count, noun)} ${kind}` : `${count} ${kind}`))
    .join(', ');
}
