/** Lists to which packages add lines. */
import type { Merger } from '../merger.ts';
import { keyedLines, lineSet } from './lines.ts';
import { type RecordForm, recordMerge } from './records.ts';
import { joined, mergeTexts, NOTHING } from './texts.ts';

/** Lines about a file of /etc, whose versions are decided like those of other files. */
function aboutFiles(line: RegExp): RecordForm {
  return keyedLines(
    text => line.exec(text)?.[1],
    ({ sides }) => ({ text: sides.at(-1)?.text, conflicts: [] }),
  );
}

const LISTS: ReadonlyMap<string, RecordForm> = new Map([
  ['/etc/ca-certificates.conf', lineSet],
  ['/etc/mailcap', lineSet],
  ['/etc/sgml/catalog', lineSet],
  ['/var/lib/pam/seen', lineSet],
  ['/var/lib/sgml-base/supercatalog', lineSet],
  ['/var/lib/shells.state', lineSet],
  ['/var/lib/ucf/hashfile', aboutFiles(/^[0-9a-f]+ +(\/.*)$/)],
  ['/var/lib/ucf/registry', aboutFiles(/^[^ \t]+[ \t]+(\/.*)$/)],
]);

export const lists: Merger = {
  name: 'lists',
  answersFor: path => LISTS.has(path),
  async merge(input) {
    const results = input.paths.map(path => {
      const form = LISTS.get(path);
      return form ? mergeTexts(input, path, recordMerge(form)) : NOTHING;
    });
    return joined(await Promise.all(results));
  },
};
