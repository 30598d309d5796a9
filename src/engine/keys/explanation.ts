/** What has changed between two lists of key parts, one readable line each. */
import { BELOW, HIDDEN } from './key-parts.ts';
import type { KeyPart } from './keys.ts';
import { changedLines } from './line-diff.ts';
import type { ChangedPaths } from './misses.ts';

export interface Change {
  /** `base`, `step 2 (run)`, `config`. */
  readonly where: string;
  /** What it is that changed, with its values where they may be shown: `environment FOO: "a" -> "b"`. */
  readonly text: string;
  /** Lines that differ, files that changed. */
  readonly details: readonly string[];
}

/** Names of variables whose values nobody should find in a log. */
const SECRET = /token|passw|secret|credential|auth|(^|_)(api_?)?keys?($|_)|(^|_)pat($|_)/i;

/** Files and lines that are named, before `and <n> more`. */
const SHOWN = 20;

/** The parts that differ. Those that only one side has because nothing is known of what is below are left out. */
export function changesBetween(
  where: string,
  before: readonly KeyPart[],
  now: readonly KeyPart[],
  changedPaths: ChangedPaths,
): readonly Change[] {
  const [old, fresh] = [new Map(before), new Map(now)];
  const changes = changedNames(before, now).map(name => ({
    where,
    ...describe(name, old.get(name), fresh.get(name), changedPaths),
  }));
  if (changes.length > 0 || sameOrder(before, now)) return changes;
  return [{ where, text: 'the order of its parts changed', details: [] }];
}

/** The names of parts that are new, gone or different. */
export function changedNames(before: readonly KeyPart[], now: readonly KeyPart[]): readonly string[] {
  const [old, fresh] = [new Map(before), new Map(now)];
  const names = [...new Set([...fresh.keys(), ...old.keys()])];
  return names.filter(name => old.get(name) !== fresh.get(name));
}

function sameOrder(before: readonly KeyPart[], now: readonly KeyPart[]): boolean {
  const names = [before, now].map(parts => parts.map(([name]) => name).join('\n'));
  return names[0] === names[1];
}

type Description = Pick<Change, 'text' | 'details'>;

function describe(
  name: string,
  before: string | undefined,
  now: string | undefined,
  changedPaths: ChangedPaths,
): Description {
  const plain = (text: string): Description => ({ text, details: [] });
  if (name === BELOW.layers) return plain('the layers below it changed');
  if (name === BELOW.parents) return plain('the directories above it changed');
  if (name === BELOW.time) return plain('the newest time below it changed');
  const variable = /^(?:default of )?environment (.*)$/s.exec(name)?.[1];
  const hidden = Object.values(HIDDEN).some(beginning => name.startsWith(beginning));
  if (hidden || (variable !== undefined && SECRET.test(variable))) return plain(`${name}: (changed)`);
  if (before === undefined) return plain(`${name}: new${shown(name, now, ', ')}`);
  if (now === undefined) return plain(`${name}: removed${shown(name, before, ', was ')}`);
  if (name === 'script') return { text: 'script changed', details: limited(changedLines(before, now)) };
  const details = isContent(name) ? limited(changedPaths(before, now) ?? []) : [];
  return { text: `${name}: ${value(name, before)} -> ${value(name, now)}`, details };
}

function shown(name: string, text: string | undefined, before: string): string {
  return text ? before + value(name, text) : '';
}

function isContent(name: string): boolean {
  return /^(?:content$|content of |import |image )/.test(name);
}

function value(name: string, text: string): string {
  if (isContent(name)) return shortHash(text);
  // Lists and maps are JSON already.
  return /^[[{"]/.test(text) || /^(?:mode|owner|keep)(?:$| of )/.test(name) ? text : JSON.stringify(text);
}

/** As many digits as people compare. */
export function shortHash(identity: string): string {
  return identity.startsWith('(') ? identity : identity.replace(/^(http |sha256:)/, '').slice(0, 12);
}

function limited(lines: readonly string[]): readonly string[] {
  if (lines.length <= SHOWN) return lines;
  return [...lines.slice(0, SHOWN), `and ${lines.length - SHOWN} more`];
}
