import { describe, expect, it } from 'vitest';
import { reconcileStanza, type StanzaKind } from '../../../src/stacking/mergers/stanzas.ts';

const KIND: StanzaKind = { subject: 'the thing', keyOf: () => 'x', fields: { Items: 'list' } };

function unite(base: readonly string[], ...versions: readonly (readonly string[])[]): readonly string[] {
  const stanza = (items: readonly string[]) => `Items: ${items.join(', ')}\n`;
  const sides = versions.map((items, i) => ({ part: `p${i}`, text: stanza(items) }));
  const { text, conflicts } = reconcileStanza(KIND, { path: '/f', key: 'x', base: stanza(base), sides });
  expect(conflicts).toEqual([]);
  return text?.replace('Items: ', '').trim().split(', ') ?? [];
}

describe('a field that is a list', () => {
  it('has what anybody has added, and not what anybody has removed', () => {
    expect(unite(['a', 'b', 'c'], ['b', 'c', 'x'], ['y', 'a', 'b', 'x'])).toEqual(['b', 'x', 'y']);
  });

  it('may be as long as it likes', () => {
    // Each compared with each, they would take minutes.
    const many = Array.from({ length: 300_000 }, (_, i) => `i${i}`);
    const united = unite(many, [...many.slice(1), 'x'], [...many, 'y']);
    expect(united).toHaveLength(300_001);
    expect([united[0], ...united.slice(-2)]).toEqual(['i1', 'x', 'y']);
  });
});
