import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideApply } from '../../src/stacking/index.ts';
import { BYTES, things } from './arbitrary.ts';
import { filesOf, layer, part } from './layers.ts';
import { applied, layerOf, piecesOf, plain } from './model.ts';

/** What a directory that nobody describes is. */
const IMPLIED = 'directory';

/** Such a directory may have any permissions. */
function isSame(a: string | undefined, b: string | undefined): boolean {
  const isDirectory = (version = '') => version.startsWith(IMPLIED);
  return a === b || ([a, b].includes(IMPLIED) && isDirectory(a) && isDirectory(b));
}

describe('applying random images', () => {
  it('gives all changes that anybody has made to the base, or objects', async () => {
    const images = fc.array(fc.array(things, { maxLength: 2 }), { maxLength: 3 });
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(things, images, async (lowest, drawn) => {
        const base = layer('base', lowest);
        const own = drawn.map((list, i) => list.map((each, j) => layer(`layer ${i}.${j}`, each)));
        const parts = own.map((layers, i) => part(`image ${i}`, base, ...layers));
        const files = filesOf(base, ...own.flat());
        const decision = await decideApply([base], parts, { considerTimes: false }, files);
        if (decision.conflicts.length > 0) return;
        accepted++;
        const [before, ...after] = await Promise.all(
          [part('', base), ...parts].map(async each => treeOf(await contentsIn(each))),
        );
        const added = part('', base, ...own.flat());
        const result = treeOf([...(await contentsIn(added)), layerOf(decision.corrections)]);
        for (const path of BYTES) {
          const changes = after.map(tree => tree[path]).filter(version => !isSame(version, before?.[path]));
          const wanted = changes.length > 0 ? changes.find(version => version !== IMPLIED) : before?.[path];
          const inhabited = BYTES.some(below => below.startsWith(`${path}/`) && result[below] !== undefined);
          const expected = wanted ?? (inhabited || changes.includes(IMPLIED) ? IMPLIED : undefined);
          expect(isSame(result[path], expected), `${path}: ${result[path]}, not ${expected}`).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});

async function contentsIn(image: Parameters<typeof piecesOf>[0]) {
  return (await piecesOf(image)).map(([, contents]) => contents);
}

function treeOf(layers: Parameters<typeof applied>[0]): Record<string, string> {
  return plain(applied(layers));
}
