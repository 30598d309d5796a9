/** Logs: what each part has written comes behind what they have in common. */
import type { Merger } from '../merger.ts';
import { joined, mergeTexts, NOTHING, type TextMerge } from './texts.ts';

export const logs: Merger = {
  name: 'logs',
  answersFor: path => path.startsWith('/var/log/'),
  async merge(input) {
    const results = input.paths.map(path => {
      const removed = input.parts.some(part => part.changed(path) && part.entry(path) === undefined);
      // Of others (compressed, of records at fixed places) either one will do, as it will when one was cleared away.
      return path.endsWith('.log') && !removed ? mergeTexts(input, path, mergeLog) : NOTHING;
    });
    return joined(await Promise.all(results));
  },
};

const mergeLog: TextMerge = (_path, base, sides) => {
  const last = sides.at(-1)?.text ?? base;
  if (!sides.every(({ text }) => text.startsWith(base))) return { text: last, conflicts: [] };
  const additions = new Set(sides.map(({ text }) => text.slice(base.length)));
  return { text: base + [...additions].join(''), conflicts: [] };
};
