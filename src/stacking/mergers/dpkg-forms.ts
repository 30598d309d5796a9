/** The smaller files of dpkg: dpkg-divert(1), dpkg-statoverride(1), deb-triggers(5). */
import { toText } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { keyedLines, linesOf, refuseDoubles } from './lines.ts';
import { lastPrevails, type RecordForm, uniteItems } from './records.ts';
import { stanzaForm } from './stanzas.ts';

/** Three lines each: what is diverted, where to, and which package says so. */
export const DIVERSIONS: RecordForm = {
  parse(text) {
    const lines = linesOf(text);
    if (lines.length % 3 !== 0) throw new AshlarError('the last diversion is not complete');
    const records = Array.from({ length: lines.length / 3 }, (_, i) => {
      const three = lines.slice(3 * i, 3 * i + 3);
      return { key: three[0] ?? '', text: three.map(line => `${line}\n`).join('') };
    });
    refuseDoubles(records);
    return records;
  },
  reconcile: disagreement => lastPrevails(disagreement, `the diversion of ${toText(disagreement.key)}`),
};

export const STATOVERRIDE = keyedLines(
  line => /^[^ ]+ [^ ]+ [0-7]+ (\/.*)$/.exec(line)?.[1],
  disagreement => lastPrevails(disagreement, `the override for ${toText(disagreement.key)}`),
);

/** Triggers that no package has got yet, and the packages that set them off. */
export const PENDING_TRIGGERS = keyedLines(
  line => /^([^ ]+) [^ ]/.exec(line)?.[1],
  ({ key, base, sides }) => {
    const packages = (line = '') => line.slice(key.length, -1).split(' ').filter(Boolean);
    const united = uniteItems(
      packages(base),
      sides.map(({ text }) => packages(text)),
    );
    return { text: united.length === 0 ? undefined : `${[key, ...united].join(' ')}\n`, conflicts: [] };
  },
);

/** What may be installed: dpkg only looks descriptions up there. */
export const STANZAS: RecordForm = {
  ...stanzaForm({
    subject: 'package',
    keyOf: fields => fields.get('Package') && `${fields.get('Package')}${fields.get('Architecture')}`,
    fields: {},
  }),
  reconcile: ({ sides }) => ({ text: sides.at(-1)?.text, conflicts: [] }),
};
