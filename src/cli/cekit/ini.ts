/**
 * Ini files as Python's configparser reads them, which CEKit uses: names of keys in lower case, `=` or `:` between key
 * and value, comments only as whole lines (so that values may have `#` in them), nothing twice.
 */
import { AshlarError, type SourceSpan } from '../../support/errors.ts';

export interface IniValue {
  readonly text: string;
  readonly at: SourceSpan;
}

/** The sections of a file by their names, each with its values by their keys. */
export type IniFile = ReadonlyMap<string, ReadonlyMap<string, IniValue>>;

/** @param file Absolute. @throws AshlarError with the place of what makes no sense. */
export function parseIni(file: string, text: string): IniFile {
  const sections = new Map<string, Map<string, IniValue>>();
  let section: Map<string, IniValue> | undefined;
  for (const [i, whole] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = whole.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const place = (part: string): SourceSpan => ({
      file,
      line: i + 1,
      column: whole.lastIndexOf(part) + 1,
      length: part.length,
    });
    const title = /^\[(.+)\]$/.exec(line)?.[1];
    if (title !== undefined) {
      if (sections.has(title)) throw wrong(file, `section ${title} is given twice`, place(line));
      section = new Map();
      sections.set(title, section);
      continue;
    }
    const [, name, value = ''] = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) throw wrong(file, 'expected [section] or key = value', place(line));
    if (!section) throw wrong(file, `${name} stands before the first [section]`, place(line));
    const key = name.toLowerCase();
    if (section.has(key)) throw wrong(file, `${key} is given twice`, place(line));
    section.set(key, { text: value, at: place(value === '' ? line : value) });
  }
  return sections;
}

function wrong(file: string, why: string, at: SourceSpan): AshlarError {
  return new AshlarError(`cannot read the configuration file ${file}: ${why}`, { at });
}
