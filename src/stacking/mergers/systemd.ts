/** Links with which units of systemd are enabled: systemctl(1), systemd.unit(5). */
import { toText } from '../../layers/index.ts';
import type { MergeInput, MergeResult, Merger } from '../merger.ts';
import { lineSet } from './lines.ts';
import { recordMerge } from './records.ts';
import { declined, dropped, joined, mergeTexts, NOTHING } from './texts.ts';

const LINK = /^\/etc\/systemd\/(?:system|user)\/(?:(?<pulling>[^/]+\.(?:wants|requires|upholds))\/)?[^/]+$/;
/** What Debian's helper has made for each unit, one link per line. */
const MADE = /^\/var\/lib\/systemd\/deb-systemd-(?:user-)?helper-[^/]+\/[^/]+\.dsh-also$/;

/** What a link to /dev/null leads to: nothing shall start. */
const MASK = 'null';

export const systemd: Merger = {
  name: 'systemd',
  answersFor: path => LINK.test(path) || MADE.test(path),
  async merge(input) {
    const merge = recordMerge(lineSet);
    const results = input.paths.map(path =>
      MADE.test(path) ? mergeTexts(input, path, merge) : mergeLink(input, path),
    );
    return joined(await Promise.all(results));
  },
};

function mergeLink(input: MergeInput, path: string): MergeResult {
  const pulls = LINK.exec(path)?.groups?.pulling !== undefined;
  const entries = input.parts.filter(part => part.changed(path)).map(part => part.entry(path));
  if (entries.some(entry => entry !== undefined && entry.type !== 'symlink')) return declined(path);
  // In `*.wants` only the name counts, and somebody has disabled the unit.
  if (entries.includes(undefined)) return pulls ? dropped(input, path) : declined(path);
  const units = entries.map(entry => toText(entry?.link ?? '').replace(/^.*\//, ''));
  const isOne = new Set(units).size === 1 || (pulls && !units.includes(MASK));
  return isOne ? NOTHING : declined(path);
}
