/** Answers to the questions of packages: debconf's `/var/cache/debconf/*.dat`. */
import type { Merger } from '../merger.ts';
import { recordMerge } from './records.ts';
import { stanzaForm } from './stanzas.ts';
import { joined, mergeTexts, NOTHING } from './texts.ts';

const DATABASE = /^\/var\/cache\/debconf\/[^/]+\.dat(?<backup>-old)?$/;

const merge = recordMerge(
  stanzaForm({
    subject: 'the debconf question',
    keyOf: fields => fields.get('Name')?.slice(1),
    fields: { Owners: 'list', Flags: 'list' },
  }),
);

export const debconf: Merger = {
  name: 'debconf',
  answersFor: path => DATABASE.test(path),
  async merge(input) {
    const results = input.paths.map(path =>
      DATABASE.exec(path)?.groups?.backup === undefined ? mergeTexts(input, path, merge) : NOTHING,
    );
    return joined(await Promise.all(results));
  },
};
