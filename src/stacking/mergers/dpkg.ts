/** The database of dpkg, and apt's marks beside it. */
import type { MergeInput, MergeResult, Merger } from '../merger.ts';
import { MARKS, mergeMarks } from './apt-marks.ts';
import { filesOf, INFO, isInfoOf, type Skew, skewsOf } from './dpkg-files.ts';
import { DIVERSIONS, PENDING_TRIGGERS, STANZAS, STATOVERRIDE } from './dpkg-forms.ts';
import { type MergedStatus, mergeStatus } from './dpkg-status.ts';
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
  async merge(input) {
    const { result, skews } = await mergeInstalled(input);
    const rest = input.paths.filter(path => path !== STATUS && path !== MARKS);
    return joined([result, ...(await Promise.all(rest.map(path => mergeOther(input, path, skews))))]);
  },
};

interface MergedDatabase {
  readonly result: MergeResult;
  readonly skews: readonly Skew[];
}

async function mergeInstalled(input: MergeInput): Promise<MergedDatabase> {
  let merged: MergedStatus | undefined;
  const noteStatus: TextMerge = (path, base, sides) => {
    merged = mergeStatus(path, base, sides);
    return merged;
  };
  const status = input.paths.includes(STATUS) ? await mergeTexts(input, STATUS, noteStatus) : NOTHING;
  const { sides, base, packages } = merged ?? { sides: [], base: new Map(), packages: new Map() };
  const changed = input.parts.filter(part => part.changed(STATUS));
  const parts = changed.map((view, i) => ({ view, packages: sides[i] ?? new Map() }));
  const skews = skewsOf(base, parts, packages);
  const files = await Promise.all(skews.map(skew => filesOf(skew, input)));
  const marks = await guarded(input, MARKS, () => mergeMarks(input, base, parts));
  return { result: joined([status, { ...NOTHING, files: files.flat() }, marks, unfinished(input)]), skews };
}

/** Changes that dpkg has written down and not yet brought into the list: it would do so at its next start. */
function unfinished({ paths, parts }: MergeInput): MergeResult {
  const names = parts.filter(part => part.list(UPDATES).length > 0).map(({ name }) => name);
  if (names.length === 0 || !paths.includes(STATUS)) return NOTHING;
  const text = `dpkg was stopped before it had written its list in ${names.join(' and ')}`;
  return { ...NOTHING, conflicts: [{ kind: 'merge', path: UPDATES, parts: names, text }] };
}

async function mergeOther(input: MergeInput, path: string, skews: readonly Skew[]): Promise<MergeResult> {
  if (path.startsWith(`${INFO}/`)) {
    const file = path.slice(INFO.length + 1);
    return skews.some(({ name }) => isInfoOf(file, name)) ? NOTHING : declined(path);
  }
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
