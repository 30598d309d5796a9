import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConflictRules,
  decideStack,
  type Merger,
  parseStackRecord,
  type StackLayer,
  type StackPart,
  stackRecord,
  verifyStack,
} from '../../src/stacking/index.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { directory, file, filesOf, layer, type MadeLayer, part, removed } from './layers.ts';
import { layerOf } from './model.ts';

const RULES: ConflictRules = { policy: 'warn', paths: [{ glob: '/etc/**', policy: 'first' }] };

const base = layer('base', { '/etc': directory(), '/etc/conf': file('0'), '/etc/joined': file('0') });
const x = layer('x', { '/etc/conf': file('1'), '/etc/joined': file('1'), '/bin/x': file('x') });
const y = layer('y', { '/etc/conf': file('2'), '/etc/joined': file('2'), '/bin/x': file('y') });
const PARTS: readonly StackPart[] = [part('a', base, x), part('b', base, y)];

const joining: Merger = {
  name: 'joining',
  answersFor: path => path === '/etc/joined',
  async merge({ paths: [path = ''], parts }) {
    const versions = await Promise.all(parts.map(each => each.read(path)));
    const content = Buffer.concat(versions.map(version => version?.content ?? new Uint8Array()));
    const [entry] = versions.map(version => version?.entry);
    if (!entry) throw new Error('no entry');
    return {
      files: [{ kind: 'file', path, entry, content }],
      conflicts: [],
      regenerate: [{ command: ['/bin/make'], makes: ['/etc/cache'] }],
    };
  },
};

/** Stacks, and gives the record with the layers of the image. */
async function stacked(parts: readonly StackPart[], rules: ConflictRules, regenerated?: StackLayer) {
  const decision = await decideStack(parts, rules, [joining], filesOf(base, x, y));
  const extra = decision.corrections.length > 0;
  const made = { extra, regenerated: regenerated !== undefined };
  const known = new Map(parts.flatMap(({ layers }) => layers.map(each => [each.id, each] as const)));
  const verbatim = decision.order.flatMap(id => known.get(id) ?? []);
  const corrections = { id: 'extra', contents: () => Promise.resolve(layerOf(decision.corrections)) };
  return {
    record: stackRecord(parts, rules, decision, made),
    layers: [...verbatim, ...(extra ? [corrections] : []), ...(regenerated ? [regenerated] : [])],
  };
}

function verify(record: string, layers: readonly StackLayer[]) {
  return verifyStack(parseStackRecord(record), layers, [joining], filesOf(base, x, y));
}

describe('the record of a stack', () => {
  it('tells parts, rules and what was decided, with layers as their places', async () => {
    const { record } = await stacked(PARTS, RULES, layer('made', {}));
    expect(parseStackRecord(record)).toEqual({
      version: 1,
      parts: [
        { name: 'a', layers: [0, 1] },
        { name: 'b', layers: [0, 2] },
      ],
      rules: RULES,
      moved: [],
      conflicts: [
        { kind: 'content', path: '/bin/x', winner: 'b', policy: 'warn' },
        { kind: 'content', path: '/etc/conf', winner: 'a', policy: 'first' },
      ],
      conflictCount: 2,
      merged: [{ merger: 'joining', paths: ['/etc/joined'], count: 1 }],
      extra: 3,
      regenerated: 4,
    });
  });

  it('tells of layers that were moved up', async () => {
    const shared = layer('s', { '/f': file('new') });
    const parts = [part('a', shared), part('b', layer('o', { '/f': file('old') }), shared)];
    const { record } = await stacked(parts, RULES);
    expect(parseStackRecord(record)).toMatchObject({
      parts: [{ layers: [1] }, { layers: [0, 1] }],
      moved: [{ layer: 1, reason: 'at its lowest place, its /f would be replaced by b' }],
    });
  });

  it('does not grow with the number of conflicts', async () => {
    const many = (text: string) =>
      Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`/d/${i}`, file(text)]));
    const { record } = await stacked([part('a', layer('m', many('1'))), part('b', layer('n', many('2')))], {
      policy: 'last',
      paths: [],
    });
    expect(record.length).toBeLessThan(20_000);
    expect(parseStackRecord(record).conflictCount).toBe(5000);
  });

  const good = {
    ...{ version: 1, parts: [{ name: 'a', layers: [0] }], rules: { policy: 'warn', paths: [] } },
    ...{ moved: [], conflicts: [], conflictCount: 0, merged: [] },
  };

  it.each<[string, unknown, string]>([
    ['text', 'x', 'the record is no object'],
    ['another version', { ...good, version: 2 }, 'it has version 2'],
    ['no parts', { ...good, parts: undefined }, 'parts is no list'],
    ['a part without layers', { ...good, parts: [{ name: 'a' }] }, 'layers is no list'],
    ['a negative place', { ...good, parts: [{ name: 'a', layers: [-1] }] }, 'a number is missing'],
    ['a place far above', { ...good, parts: [{ name: 'a', layers: [9999] }] }, 'no image has 9999 layers'],
    ['a gap', { ...good, parts: [{ name: 'a', layers: [0, 2] }] }, 'layers are missing'],
    [
      'another order',
      { ...good, parts: [{ name: 'a', layers: [1, 0] }] },
      'the order of its layers is wrong',
    ],
    ['an own layer elsewhere', { ...good, extra: 5 }, 'the place of its own layer is wrong'],
    ['a made layer elsewhere', { ...good, extra: 1, regenerated: 1 }, 'the place of its own layer is wrong'],
    [
      'an unknown rule',
      { ...good, rules: { policy: 'maybe', paths: [] } },
      '"maybe" is no rule for conflicts',
    ],
    ...['/*a*a*a*a*b', '/{[a]+,b}+c', '/(a+)+b', '/**/**/**/**/**/x'].map(
      (glob): [string, unknown, string] => [
        `a glob that takes ages: ${glob}`,
        { ...good, rules: { policy: 'warn', paths: [{ glob, policy: 'last' }] } },
        'a rule is too complicated',
      ],
    ),
    ['a conflict that is none', { ...good, conflicts: [1] }, 'a conflict is no object'],
    ['a merge without name', { ...good, merged: [{ paths: [] }] }, 'a merger is no text'],
  ])('is refused with %s', (_, value, why) => {
    expect(() => parseStackRecord(JSON.stringify(value))).toThrow(
      new AshlarError(`the annotation dev.ashlar.stack is no record of a stack: ${why}`),
    );
  });

  it('keeps globs as people write them', () => {
    const globs = ['/usr/share/{doc,man}/**', '/opt/[a-z]*/*.conf', '/usr/include/c++/**', '**/*.py?'];
    const rules = { policy: 'warn', paths: globs.map(glob => ({ glob, policy: 'first' })) };
    expect(parseStackRecord(JSON.stringify({ ...good, rules })).rules).toEqual(rules);
  });

  it('is refused or read, whatever an image has in its place', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(good)));
    const damaged = fc.tuple(fc.constantFrom(...Object.keys(good)), value);
    fc.assert(
      fc.property(damaged, ([key, instead]) => {
        try {
          expect(parseStackRecord(JSON.stringify({ ...good, [key]: instead })).version).toBe(1);
        } catch (error) {
          expect(error).toBeInstanceOf(AshlarError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is refused where it is no JSON, or too long', () => {
    expect(() => parseStackRecord('{')).toThrow(/^the annotation dev.ashlar.stack is no record of a stack: /);
    const long = JSON.stringify({ ...good, filling: 'x'.repeat(2 ** 20) });
    expect(() => parseStackRecord(long)).toThrow(/: it is too long$/);
  });
});

describe('the proof of a stack', () => {
  it('is that the image has what the parts give, path by path', async () => {
    const { record, layers } = await stacked(PARTS, RULES);
    const sized = layers.map((each, i) => ({ ...each, size: 10 ** i }));
    expect(await verify(record, sized)).toEqual({
      proven: true,
      differences: [],
      layersShared: 3,
      layersAbove: 0,
      bytesSaved: 111,
      mergedFiles: ['/etc/joined'],
      regeneratedFiles: [],
    });
  });

  it('does not look at layers above the stack, but counts them', async () => {
    const { record, layers } = await stacked(PARTS, RULES);
    const above = layer('above', { '/etc/conf': removed, '/new': file('new') });
    expect(await verify(record, [...layers, above])).toMatchObject({ proven: true, layersAbove: 1 });
  });

  it('fails where a layer was changed, one is missing, or rules are not those of the record', async () => {
    const { record, layers } = await stacked(PARTS, RULES);
    const [first, second, third] = layers as [MadeLayer, MadeLayer, MadeLayer];
    const other = layer('extra', { '/etc/joined': file('12') });
    expect((await verify(record, [first, second, third, other])).differences).toMatchObject([
      { path: '/etc/conf', text: expect.stringMatching(/^1 B .* wanted, 1 B .* found$/) },
      { path: '/etc/joined', text: expect.stringMatching(/^2 B .* wanted, 2 B .* found$/) },
    ]);
    const swapped = await verify(record, [first, third, second, ...layers.slice(3)]);
    expect(swapped.differences.map(({ path }) => path)).toEqual(['/etc/conf', '/etc/joined']);
    const ruled = record.replace('"first"', '"last"');
    expect((await verify(ruled, layers)).differences[0]?.path).toBe('/etc/conf');
    await expect(verify(record, [first, second])).rejects.toThrow(
      'the record of the stack speaks of 3 layers, but the image has 2',
    );
  });

  it('leaves what programs of the image made to them, and nothing else', async () => {
    const cache = { '/etc': directory(), '/etc/cache': file('cache') };
    const honest = await stacked(PARTS, RULES, layer('made', cache));
    expect(await verify(honest.record, honest.layers)).toMatchObject({
      proven: true,
      regeneratedFiles: ['/etc/cache'],
    });
    const evil = await stacked(PARTS, RULES, layer('made', { ...cache, '/bin/sh': file('evil') }));
    expect((await verify(evil.record, evil.layers)).differences).toMatchObject([
      { path: '/bin/sh', text: expect.stringMatching(/^nothing wanted, 4 B .* found$/) },
    ]);
  });
});
