/** Alternatives, as update-alternatives(1) keeps them: groups of choices, and the links that follow. */
import { type ContentsEntry, fromText, toText } from '../../layers/index.ts';
import type { MergedFile, MergeInput, MergeResult, Merger, PartView, TreeView } from '../merger.ts';
import {
  byPriority,
  type Choice,
  factsOf,
  type Group,
  groupOf,
  readGroup,
  writeGroup,
} from './alternative-groups.ts';
import { realPath } from './paths.ts';
import { lastPrevails, mergeRecords, type RecordForm } from './records.ts';
import { declined, joined, mergeTexts } from './texts.ts';

const LINKS = '/etc/alternatives';
/** Of Debian, and of others who took the program over. */
const GROUPS: readonly string[] = [
  '/var/lib/dpkg/alternatives',
  '/var/lib/alternatives',
  '/var/lib/rpm/alternatives',
];

export const alternatives: Merger = {
  name: 'alternatives',
  answersFor: path => [LINKS, ...GROUPS].includes(path.slice(0, path.lastIndexOf('/'))),
  // A group is kept under the name of its link.
  ruledBy: path => LINKS + path.slice(path.lastIndexOf('/')),
  async merge(input) {
    const groups = input.paths.filter(path => !path.startsWith(`${LINKS}/`));
    const results = await Promise.all(groups.map(path => mergeGroup(input, path)));
    const followed = new Set(results.flatMap(({ links }) => links));
    const others = input.paths.filter(path => !groups.includes(path) && !followed.has(path));
    return joined([...results.map(({ result }) => result), ...others.map(declined)]);
  },
};

interface MergedGroup {
  readonly result: MergeResult;
  /** The links below /etc/alternatives that belong to it. */
  readonly links: readonly string[];
}

async function mergeGroup(input: MergeInput, path: string): Promise<MergedGroup> {
  let group: Group | undefined;
  let versions: readonly Group[] = [];
  const result = await mergeTexts(input, path, (_, base, sides) => {
    const { records, conflicts } = mergeRecords(form, path, base, sides);
    versions = sides.map(side => readGroup(side.text));
    group = groupOf(records, slavesOf([...(base === '' ? [] : [readGroup(base)]), ...versions]));
    return { text: writeGroup(group), conflicts };
  });
  if (group === undefined) return { result, links: [] };
  const name = path.slice(path.lastIndexOf('/') + 1);
  const changed = input.parts.filter(part => part.changed(path));
  const hands = changed.filter((_, i) => versions[i]?.mode === 'manual');
  const { choice, conflicts } = choose(input, hands, name, group);
  const wanted = choice === undefined ? [] : wantedLinks(input.stacked, name, group, choice);
  const files = wanted.flatMap(link => asWanted(input, link));
  return {
    result: joined([result, { files, conflicts }]),
    links: wanted.map(({ at }) => at),
  };
}

function slavesOf(groups: readonly Group[]): Group['slaves'] {
  return new Map(groups.flatMap(({ slaves }) => [...slaves]));
}

const form: RecordForm = {
  parse: text => (text === '' ? [] : factsOf(readGroup(text))),
  reconcile(disagreement) {
    // Both are new: nobody has chosen in one, somebody has in the other.
    if (disagreement.key === 'mode') return { text: 'manual', conflicts: [] };
    return lastPrevails(disagreement, `the ${disagreement.key.replace('\n', ' of ')}`);
  },
};

/** The choice to which the links lead; of those that parts have made by hand, the last one. */
function choose(
  { base, stacked }: MergeInput,
  manual: readonly PartView[],
  name: string,
  group: Group,
): Pick<MergeResult, 'conflicts'> & { readonly choice: Choice | undefined } {
  const ranked = byPriority(group);
  const best = ranked.find(choice => exists(stacked, choice.path)) ?? ranked[0];
  const link = `${LINKS}/${name}`;
  const target = (view: TreeView) => toText(view.entry(link)?.link ?? '');
  if (group.mode === 'auto') return { choice: best, conflicts: [] };
  const hands = manual.filter(part => target(part) !== target(base));
  const chosen = hands.map(part => group.choices.get(target(part)) ?? best);
  const choice = hands.length > 0 ? chosen.at(-1) : (group.choices.get(target(base)) ?? best);
  if (new Set(chosen).size < 2) return { choice, conflicts: [] };
  const text = hands.map(part => `${target(part)} in ${part.name}`).join(', ');
  const names = hands.map(part => part.name);
  return { choice, conflicts: [{ kind: 'content', path: link, parts: names, text }] };
}

interface WantedLink {
  readonly at: string;
  /** Undefined where none is to be. */
  readonly to: string | undefined;
  /** Where it leads when it is one of ours. */
  readonly ours?: string;
}

/** The links of a group and of its slaves, those that its choice does not have included. */
function wantedLinks(stacked: TreeView, name: string, group: Group, choice: Choice): readonly WantedLink[] {
  const followers = [...group.slaves].map(([slave, link]) => {
    const target = choice.slaves.get(slave);
    return { slave, link, target: target !== undefined && exists(stacked, target) ? target : undefined };
  });
  return [{ slave: name, link: group.link, target: choice.path }, ...followers].flatMap(
    ({ slave, link, target }) => [
      { at: `${LINKS}/${slave}`, to: target },
      { at: link, to: target && `${LINKS}/${slave}`, ours: `${LINKS}/${slave}` },
    ],
  );
}

function exists(tree: TreeView, path: string): boolean {
  const real = realPath(tree, path);
  return real !== undefined && tree.entry(real) !== undefined;
}

/** What makes the link as wanted; nothing where it is, and where something else than a link is in its place. */
function asWanted({ stacked, parts }: MergeInput, { at, to, ours }: WantedLink): readonly MergedFile[] {
  const path = realPath(stacked, at);
  if (path === undefined) return [];
  const there = stacked.entry(path);
  if (there !== undefined && there.type !== 'symlink') return [];
  if (to === undefined) {
    const isOurs = there !== undefined && (ours === undefined || there.link === fromText(ours));
    return isOurs ? [{ kind: 'removed', path }] : [];
  }
  const link = fromText(to);
  if (there?.link === link) return [];
  const known = parts.map((part: PartView) => part.entry(path)).findLast(entry => entry?.link === link);
  return [{ kind: 'file', path, entry: known ?? { ...LINK, link }, content: new Uint8Array() }];
}

const LINK: ContentsEntry = {
  type: 'symlink',
  mode: 0o777,
  ...{ uid: 0, gid: 0, size: 0, mtime: 0n, sha256: '', link: '', major: 0, minor: 0, xattrs: [] },
};
