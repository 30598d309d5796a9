/** The database of dpkg, and apt's marks beside it. */
import type { MergeInput, MergeResult, Merger } from '../merger.ts';
import { MARKS, mergeMarks } from './apt-marks.ts';
import { filesOf, INFO, packageOf, skewsOf } from './dpkg-files.ts';
import { DIVERSIONS, PENDING_TRIGGERS, STANZAS, STATOVERRIDE } from './dpkg-forms.ts';
import { type MergedStatus, mergeStatus, type Status } from './dpkg-status.ts';
import { lineSet } from './lines.ts';
import { prevailing } from './made.ts';
import { type RecordForm, recordMerge } from './records.ts';
import { declined, guarded, joined, mergeTexts, NOTHING, type TextMerge } from './texts.ts';

const ADMIN = '/var/lib/dpkg';
const STATUS = `${ADMIN}/status`;
const UPDATES = `${ADMIN}/updates`;
/** One file per package, as images without dpkg have it. */
const STATUS_PARTS = `${ADMIN}/status.d/`;
const TRIGGERS = `${ADMIN}/triggers/`;

export const dpkg: Merger = {
  name: 'dpkg',
  answersFor: path =>
    path === MARKS || (path.startsWith(`${ADMIN}/`) && !path.startsWith(`${ADMIN}/alternatives/`)),
  ruledBy: () => STATUS,
  async merge(input) {
    const { result, skewed } = await mergeInstalled(input);
    const rest = input.paths.filter(path => path !== STATUS && path !== MARKS);
    return joined([result, ...(await Promise.all(rest.map(path => mergeOther(input, path, skewed))))]);
  },
};

interface MergedDatabase {
  readonly result: MergeResult;
  /** Packages of which all files are those of one part. */
  readonly skewed: ReadonlySet<string>;
}

const NO_PACKAGES: Status = new Map();

async function mergeInstalled(input: MergeInput): Promise<MergedDatabase> {
  let merged: MergedStatus | undefined;
  const noteStatus: TextMerge = (path, base, sides) => {
    merged = mergeStatus(path, base, sides);
    return merged;
  };
  const status = input.paths.includes(STATUS) ? await mergeTexts(input, STATUS, noteStatus) : NOTHING;
  const { sides = [], base = NO_PACKAGES, packages = NO_PACKAGES } = merged ?? {};
  const changed = input.parts.filter(part => part.changed(STATUS));
  const parts = changed.map((view, i) => ({ view, packages: sides[i] ?? NO_PACKAGES }));
  const skews = skewsOf(base, parts, packages);
  const files = await filesOf(skews, input);
  const marking = input.parts
    .filter(part => changed.includes(part) || part.changed(MARKS))
    .map(view => ({ view, packages: sides[changed.indexOf(view)] ?? base }));
  const marks = await guarded(input, MARKS, () => mergeMarks(input, base, marking));
  return {
    result: joined([status, { ...NOTHING, files }, marks, unfinished(input)]),
    skewed: new Set(skews.map(({ name }) => name)),
  };
}

/** Changes that dpkg has written down and not yet brought into the list: it would do so at its next start. */
function unfinished({ paths, parts }: MergeInput): MergeResult {
  const names = parts.filter(part => part.list(UPDATES).length > 0).map(({ name }) => name);
  if (names.length === 0 || !paths.includes(STATUS)) return NOTHING;
  const text = `dpkg was stopped before it had written its list in ${names.join(' and ')}`;
  return { ...NOTHING, conflicts: [{ kind: 'merge', path: UPDATES, parts: names, text }] };
}

async function mergeOther(
  input: MergeInput,
  path: string,
  skewed: ReadonlySet<string>,
): Promise<MergeResult> {
  if (path.startsWith(`${INFO}/`))
    return skewed.has(packageOf(path.slice(INFO.length + 1))) ? NOTHING : declined(path);
  if (path.startsWith(STATUS_PARTS)) {
    const stanza = path.replace(/\.md5sums$/, '');
    if (stanza === path) return mergeTexts(input, path, mergeStatus);
    if (input.paths.includes(stanza)) return { ...NOTHING, files: await prevailing([path], input.parts) };
  }
  if (/^(?:.*-old|lock|lock-frontend|triggers\/Lock)$/.test(path.slice(ADMIN.length + 1))) return NOTHING;
  const form = formOf(path);
  return form === undefined ? declined(path) : mergeTexts(input, path, recordMerge(form));
}

function formOf(path: string): RecordForm | undefined {
  if (path === `${TRIGGERS}Unincorp`) return PENDING_TRIGGERS;
  if (path === `${ADMIN}/arch` || path.startsWith(TRIGGERS)) return lineSet;
  if (path === `${ADMIN}/diversions`) return DIVERSIONS;
  if (path === `${ADMIN}/statoverride`) return STATOVERRIDE;
  return path === `${ADMIN}/available` ? STANZAS : undefined;
}
