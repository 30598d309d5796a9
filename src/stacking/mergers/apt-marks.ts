/** Which packages were installed only because others need them: `/var/lib/apt/extended_states`. */
import type { MergeInput, MergeResult, TreeView } from '../merger.ts';
import type { PartStatus } from './dpkg-files.ts';
import type { Status } from './dpkg-status.ts';
import { madeFile } from './made.ts';
import { mergeRecords, type RecordForm } from './records.ts';
import { type Fields, fieldsOf, stanzaForm } from './stanzas.ts';
import { bytesOf, declined, NOTHING } from './texts.ts';

export const MARKS = '/var/lib/apt/extended_states';

/** A package stays marked as automatic only when nobody wants it for its own sake. */
const form: RecordForm = {
  ...stanzaForm({ subject: 'the mark of', keyOf: markKey, fields: {} }),
  reconcile: ({ sides }) => {
    const wanted = sides.find(({ text }) => text === undefined || !isAutomatic(fieldsOf(text)));
    return { text: (wanted ?? sides.at(-1))?.text, conflicts: [] };
  },
};

function markKey(fields: Fields): string | undefined {
  const [name, architecture] = ['Package', 'Architecture'].map(field => fields.get(field)?.slice(1));
  return name && `${name} ${architecture ?? ''}`;
}

function isAutomatic(fields: Fields): boolean {
  return fields.get('Auto-Installed') === ' 1';
}

/**
 * Merges the marks. A part that has installed a package which it does not mark wants it, whatever others say.
 */
export async function mergeMarks(
  input: MergeInput,
  base: Status,
  parts: readonly PartStatus[],
): Promise<MergeResult> {
  const changed = parts.filter(({ view }) => view.changed(MARKS));
  if (changed.length === 0) return NOTHING;
  const removed = changed.some(({ view }) => view.entry(MARKS)?.type !== 'file');
  if (removed) return input.paths.includes(MARKS) ? declined(MARKS) : NOTHING;
  const before = await textIn(input.base);
  const texts = await Promise.all(parts.map(({ view }) => textIn(view)));
  const automatic = new Set(
    texts.flatMap(text =>
      form.parse(text).flatMap(({ key, text: stanza }) => (isAutomatic(fieldsOf(stanza)) ? [key] : [])),
    ),
  );
  const sides = parts.map(({ view, packages }, i) => {
    const text = texts[i] ?? '';
    const marked = new Set(form.parse(text).map(({ key }) => key));
    const wanted = [...automatic].filter(key => !marked.has(key) && has(packages, key) && !has(base, key));
    return { part: view.name, text: `${text}\n\n${wanted.map(manual).join('')}` };
  });
  const { records } = mergeRecords(form, MARKS, before, sides);
  const content = Buffer.from(records.map(({ text }) => text).join(''), 'latin1');
  return {
    ...NOTHING,
    files: [madeFile(MARKS, content, [input.stacked, ...changed.map(({ view }) => view)])],
  };
}

async function textIn(tree: TreeView): Promise<string> {
  return bytesOf((await tree.read(MARKS))?.content ?? new Uint8Array());
}

/** Marks of packages for all architectures name the machine's own. */
function has(status: Status, key: string): boolean {
  const [name = '', architecture = ''] = key.split(' ');
  return [name, `${name}:${architecture}`].some(known => {
    const found = status.get(known);
    return found?.present === true && ['all', architecture].includes(found.architecture);
  });
}

function manual(key: string): string {
  const [name, architecture] = key.split(' ');
  return `Package: ${name}\nArchitecture: ${architecture}\nAuto-Installed: 0\n\n`;
}
