import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMPLIED_DIRECTORY, mergeContents } from '../../src/layers/index.ts';
import {
  type ConflictPolicy,
  type Correction,
  decideStack,
  parseStackRecord,
  type StackPart,
  stackRecord,
  verifyStack,
} from '../../src/stacking/index.ts';
import { BYTES, things } from './arbitrary.ts';
import { filesOf, layer, part } from './layers.ts';
import { applied, isDirectory, layerOf, type Piece, piecesOf, plain, wanted } from './model.ts';

/** Parts that are made of some of the same layers, each in an order of its own. */
function partsOf(shared: 'prefix' | 'any' | 'none'): fc.Arbitrary<StackPart[]> {
  return fc.array(things, { minLength: 6, maxLength: 8 }).chain(drawn => {
    const layers = drawn.map((each, index) => layer(`l${index}`, each));
    const [base, ...others] = layers;
    const own = (name: number) => others.filter((_, index) => index % 3 === name);
    const names = [0, 1, 2].map(name => fc.constant(name));
    switch (shared) {
      case 'none':
        return fc.tuple(...names).map(all => all.map(name => part(`p${name}`, ...own(name))));
      case 'prefix':
        return fc
          .tuple(...names)
          .map(all => all.map(name => part(`p${name}`, ...(base ? [base] : []), ...own(name))));
      case 'any':
        return fc
          .array(
            fc
              .array(fc.constantFrom(...layers), { minLength: 1, maxLength: 4 })
              .map(chosen => part('p', ...chosen)),
            { minLength: 2, maxLength: 3 },
          )
          .map(all => all.map((each, index) => ({ ...each, name: `p${index}` })));
    }
  });
}

async function resultOf(parts: readonly StackPart[], policy: ConflictPolicy) {
  const decision = await decideStack(parts, { policy, paths: [] }, [], filesOf());
  const pieces = new Map((await Promise.all(parts.map(piecesOf))).flat());
  const layers = decision.order.map(id => pieces.get(id) ?? Promise.reject(new Error(id)));
  const verbatim = await Promise.all(layers);
  return { decision, verbatim, tree: applied([...verbatim, layerOf(decision.corrections)]) };
}

const sharing = fc.constantFrom('prefix' as const, 'any' as const, 'none' as const);

describe('stacking random parts', () => {
  it('gives the tree that the parts want, path by path, under every rule', async () => {
    const policy = fc.constantFrom<ConflictPolicy>('warn', 'last', 'first', 'error');
    await fc.assert(
      fc.asyncProperty(sharing.chain(partsOf), policy, async (parts, rule) => {
        const { tree } = await resultOf(parts, rule);
        const pieces = await Promise.all(parts.map(piecesOf));
        expectSame(tree, wanted(pieces, BYTES, rule));
      }),
      { numRuns: 1000 },
    );
  });

  it('is no more than applying all layers in order where parts share nothing', async () => {
    await fc.assert(
      fc.asyncProperty(partsOf('none'), async parts => {
        const { decision, tree } = await resultOf(parts, 'last');
        const pieces: Piece[] = (await Promise.all(parts.map(piecesOf))).flat();
        expect(decision.corrections).toEqual([]);
        const contents = pieces.map(piece => piece[1]);
        expect(plain(tree)).toEqual(plain(applied(contents)));
        const merged = [...mergeContents(contents)].map(([path, { entry }]) => [path, entry] as const);
        expectSame(
          tree,
          new Map(merged.map(([path, entry]) => [path, entry === IMPLIED_DIRECTORY ? 'any' : entry])),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same tree in any order where it says so', async () => {
    await fc.assert(
      fc.asyncProperty(sharing.chain(partsOf), async parts => {
        const { decision, tree } = await resultOf(parts, 'warn');
        if (!decision.orderIndependent) return;
        const other = await resultOf(parts.toReversed(), 'warn');
        expect(other.decision.orderIndependent).toBe(true);
        expectSame(tree, other.tree);
      }),
      { numRuns: 500 },
    );
  });

  it('can be proven, and nothing else can', async () => {
    const policy = fc.constantFrom<ConflictPolicy>('warn', 'first');
    await fc.assert(
      fc.asyncProperty(sharing.chain(partsOf), policy, async (parts, rule) => {
        const rules = { policy: rule, paths: [] };
        const decision = await decideStack(parts, rules, [], filesOf());
        const made = { extra: decision.corrections.length > 0, regenerated: false };
        const record = parseStackRecord(stackRecord(parts, rules, decision, made));
        const known = new Map(parts.flatMap(({ layers }) => layers.map(each => [each.id, each] as const)));
        const verbatim = decision.order.flatMap(id => known.get(id) ?? []);
        const extra = (corrections: readonly Correction[]) => ({
          id: 'extra',
          contents: () => Promise.resolve(layerOf(corrections)),
        });
        const image = made.extra ? [...verbatim, extra(decision.corrections)] : verbatim;
        expect((await verifyStack(record, image, [], filesOf())).differences).toEqual([]);
        const essential = decision.corrections.findLast(each => each.kind === 'removed');
        if (essential === undefined) return;
        const incomplete = decision.corrections.filter(each => each !== essential);
        const proof = await verifyStack(record, [...verbatim, extra(incomplete)], [], filesOf());
        expect(proof.proven).toBe(false);
        expect(proof.differences[0]?.text).toMatch(/^nothing wanted, .+ found$/);
      }),
      { numRuns: 500 },
    );
  });
});

/** A directory that nobody describes may have any permissions. */
function expectSame(tree: ReturnType<typeof applied>, model: ReturnType<typeof applied>): void {
  const isOpen = (path: string) => [tree, model].some(side => side.get(path) === 'any');
  const opened = (side: typeof tree) => {
    const nodes = [...side].filter(([path]) => path !== '');
    return plain(
      new Map(nodes.map(([path, node]) => [path, isOpen(path) && isDirectory(node) ? 'any' : node])),
    );
  };
  expect(opened(tree)).toEqual(opened(model));
}
