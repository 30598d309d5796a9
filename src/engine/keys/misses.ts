/** Why an image is built again, in the words of stacker: scripts look for them. */
import type { ImageFacts, SourceFact } from './history.ts';

/** The paths that differ between two directories of these identities; undefined when that is not known. */
export type ChangedPaths = (before: string, after: string) => readonly string[] | undefined;

/** Directories whose changes are shown in full, unless all are asked for. */
const SHOWN = 2;

/** One message per line; empty when the description and what it names are as they were. */
export function missMessages(
  before: ImageFacts,
  now: ImageFacts,
  changedPaths: ChangedPaths,
  all: boolean,
): readonly string[] {
  const imports = sourcesOf(now, 'import');
  const overlays = sourcesOf(now, 'overlay_dir');
  const known = (fact: SourceFact) => counterpart(fact, before);
  if (before.definition !== now.definition) {
    return [
      'cache miss because layer definition was changed',
      ...imports.filter(fact => !known(fact)).map(({ path }) => `cache miss because of new import: ${path}`),
      ...overlays
        .filter(fact => !known(fact))
        .map(({ path }) => `cache miss because of new overlay_dir: ${path}`),
    ];
  }
  if (before.epoch !== now.epoch) return ['cache miss because SOURCE_DATE_EPOCH changed'];
  if (before.base.identity !== now.base.identity) return ['cache miss because base layer was changed'];
  const changed = (fact: SourceFact) => known(fact)?.identity !== fact.identity;
  const changedOverlays = overlays.filter(changed);
  return [
    ...imports.filter(changed).map(fact => importMessage(known(fact), fact)),
    ...overlayMessages(
      changedOverlays.map(fact => ({ fact, paths: pathsIn(fact, known(fact), changedPaths) })),
      all,
    ),
  ];
}

function importMessage(before: SourceFact | undefined, { path, type }: SourceFact): string {
  if (before?.type !== type) return `cache miss because import type changed: ${path}`;
  const what = type === 'directory' ? 'dir content' : 'content';
  return `cache miss because import ${what} changed: ${path}`;
}

interface ChangedDirectory {
  readonly fact: SourceFact;
  /** Absolute paths. */
  readonly paths: readonly string[];
}

function overlayMessages(changed: readonly ChangedDirectory[], all: boolean): readonly string[] {
  if (changed.length === 0) return [];
  const shown = all ? changed : changed.slice(0, SHOWN);
  const rest = changed.length - shown.length;
  return [
    `cache miss because content of ${changed.length} overlay dirs changed:`,
    ...shown.flatMap(({ fact, paths }) => [
      `Changed overlay_dir: ${fact.path}`,
      'Contents that changed:',
      ...paths,
    ]),
    ...(rest > 0 ? [`and ${rest} other overlay_dirs. use --debug for complete output`] : []),
  ];
}

function pathsIn(
  { path, identity }: SourceFact,
  before: SourceFact | undefined,
  changedPaths: ChangedPaths,
): readonly string[] {
  const paths = (before && changedPaths(before.identity, identity)) ?? [];
  return paths.map(inside => (inside === '' ? path : `${path.replace(/\/+$/, '')}/${inside}`));
}

function sourcesOf({ sources }: ImageFacts, role: SourceFact['role']): readonly SourceFact[] {
  return sources.filter(fact => fact.role === role);
}

function counterpart({ role, path }: SourceFact, before: ImageFacts): SourceFact | undefined {
  return before.sources.find(fact => fact.role === role && fact.path === path);
}
