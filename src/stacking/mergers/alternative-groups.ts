/** What update-alternatives(1) knows of one name: its file in /var/lib/dpkg/alternatives. */
import { type ByteString, fromText, isText, toText } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { FileRecord } from './records.ts';

export interface Group {
  /** `manual` once somebody has chosen. */
  readonly mode: string;
  /** Where people find it: `/usr/bin/editor`. */
  readonly link: string;
  /** Links that follow it, by name. */
  readonly slaves: ReadonlyMap<string, string>;
  /** By path, in the order of the file. */
  readonly choices: ReadonlyMap<string, Choice>;
}

export interface Choice {
  readonly path: string;
  /** As written: mostly a number. */
  readonly priority: string;
  /** What the slaves lead to, by name; none for those that this choice does not have. */
  readonly slaves: ReadonlyMap<string, string>;
}

/** Throws an AshlarError where it is not in the form of update-alternatives. */
export function readGroup(text: ByteString): Group {
  if (!isText(text)) throw new AshlarError('it is not UTF-8');
  const lines = toText(text).split('\n');
  let at = 0;
  const next = (what: string) => {
    const line = lines[at];
    if (line === undefined) throw new AshlarError(`it ends before ${what}`);
    at += 1;
    return line;
  };
  const mode = next('the mode');
  if (mode !== 'auto' && mode !== 'manual') throw new AshlarError(`${JSON.stringify(mode)} is no mode`);
  const link = absolute(next('the link'));
  const slaves = new Map<string, string>();
  for (let name = next('the choices'); name !== ''; name = next('the choices')) {
    if (name.includes('/')) throw new AshlarError(`${JSON.stringify(name)} is no name of a link`);
    slaves.set(name, absolute(next(`the link of ${name}`)));
  }
  const choices = new Map<string, Choice>();
  while (at < lines.length && lines[at] !== '') {
    const path = absolute(next('a choice'));
    const priority = next(`the priority of ${path}`);
    if (!/^-?[0-9]+$/.test(priority)) throw new AshlarError(`${JSON.stringify(priority)} is no priority`);
    const targets = [...slaves.keys()].map(name => [name, next(`the slave ${name} of ${path}`)] as const);
    choices.set(path, { path, priority, slaves: new Map(targets.filter(([, target]) => target !== '')) });
  }
  if (lines.slice(at).some(line => line !== '')) throw new AshlarError('something follows its end');
  return { mode, link, slaves, choices };
}

function absolute(path: string): string {
  if (!path.startsWith('/')) throw new AshlarError(`${JSON.stringify(path)} is no absolute path`);
  return path;
}

/** As update-alternatives writes it: sorted, and without slaves that no choice has. */
export function writeGroup({ mode, link, slaves, choices }: Group): ByteString {
  const all = [...choices.values()].toSorted((a, b) => compare(a.path, b.path));
  const used = [...slaves]
    .filter(([name]) => all.some(choice => choice.slaves.has(name)))
    .toSorted(([a], [b]) => compare(a, b));
  const lines = [
    ...[mode, link],
    ...used.flat(),
    '',
    ...all.flatMap(choice => [
      ...[choice.path, choice.priority],
      ...used.map(([name]) => choice.slaves.get(name) ?? ''),
    ]),
    '',
  ];
  return fromText(lines.map(line => `${line}\n`).join(''));
}

/** Choices as they prevail when nobody has chosen, the best one first. */
export function byPriority({ choices }: Group): readonly Choice[] {
  const all = [...choices.values()].toSorted((a, b) => compare(a.path, b.path));
  return all.toSorted((a, b) => Number(b.priority) - Number(a.priority));
}

/** What a group says, one by one, so that each can be compared and changed alone. */
export function factsOf({ mode, link, slaves, choices }: Group): readonly FileRecord[] {
  const fact = (key: string, text: string) => ({ key, text: fromText(text) });
  return [
    ...[fact('mode', mode), fact('link', link)],
    ...[...slaves].map(([name, at]) => fact(`link of ${name}`, at)),
    ...[...choices.values()].flatMap(choice => [
      fact(`priority of ${choice.path}`, choice.priority),
      ...[...choice.slaves].map(([name, target]) => fact(`${name}\n${choice.path}`, target)),
    ]),
  ];
}

/**
 * The group of which all this is said. Links of slaves that are not among the facts are `known` ones: who removes the
 * last choice that has a slave removes its link, which a choice that somebody else adds may need.
 */
export function groupOf(facts: readonly FileRecord[], known: Group['slaves']): Group {
  const said = new Map(facts.map(({ key, text }) => [key, toText(text)]));
  const startingWith = (start: string) =>
    [...said].flatMap(([key, text]) =>
      key.startsWith(start) ? [[key.slice(start.length), text] as const] : [],
    );
  const slaves = new Map([...known, ...startingWith('link of ')]);
  const choices = startingWith('priority of ').map(([path, priority]) => {
    const targets = [...slaves.keys()].map(name => [name, said.get(`${name}\n${path}`) ?? ''] as const);
    return [
      path,
      { path, priority, slaves: new Map(targets.filter(([, target]) => target !== '')) },
    ] as const;
  });
  return {
    mode: said.get('mode') ?? 'auto',
    link: said.get('link') ?? '',
    slaves,
    choices: new Map(choices),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
