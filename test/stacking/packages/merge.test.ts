import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergePackages, type PackageRecord } from '../../../src/stacking/packages/merge.ts';

type System = ReadonlyMap<string, PackageRecord>;

/** `version` or `version/identity`, by name. */
function system(packages: Readonly<Record<string, string>>): System {
  return new Map(
    Object.entries(packages).map(([name, text]) => [
      name,
      { version: text.split('/')[0] ?? '', identity: text },
    ]),
  );
}

function merged(base: System, ...parts: readonly System[]) {
  const named = parts.map((packages, i) => ({ name: 'xyz'[i] ?? '', packages }));
  const { packages, conflicts } = mergePackages('dpkg', '/status', base, named);
  return {
    packages: Object.fromEntries([...packages].map(([name, { identity }]) => [name, identity]).sort()),
    conflicts: conflicts.map(({ kind, text }) => `${kind}: ${text}`),
  };
}

const systems = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '1/again', '2', '3'), {
    noNullPrototype: true,
  })
  .map(system);

const plain = (packages: System) =>
  Object.fromEntries([...packages].map(([name, { identity }]) => [name, identity]).sort());

describe('merging packages', () => {
  it('keeps what one part did where the others did nothing', () => {
    const base = system({ kept: '1', removed: '1', upgraded: '1' });
    const x = system({ kept: '1', upgraded: '1', added: '1' });
    const y = system({ kept: '1', removed: '1', upgraded: '2', new: '3' });
    expect(merged(base, x, y)).toEqual({
      packages: { kept: '1', upgraded: '2', added: '1', new: '3' },
      conflicts: [],
    });
  });

  it('names all versions, who has them and which one is newer', () => {
    expect(
      merged(system({}), system({ p: '1.0~rc1' }), system({ p: '1.0' }), system({ p: '1.0~rc1' })),
    ).toEqual({
      packages: { p: '1.0~rc1' },
      conflicts: ['package: package p: 1.0~rc1 in x and z, 1.0 in y (newer)'],
    });
    // Two ways to write one version.
    expect(merged(system({}), system({ p: '1.0' }), system({ p: '0:1.0' })).conflicts).toEqual([
      'package: package p: 1.0 in x, 0:1.0 in y',
    ]);
  });

  it('tells of a removal that another part knows nothing of', () => {
    expect(merged(system({ p: '1' }), system({ p: '2' }), system({}))).toEqual({
      packages: {},
      conflicts: ['removed: package p: 2 in x, removed in y'],
    });
  });

  it('does not take an installation of the same version for an opinion about others', () => {
    expect(merged(system({ p: '1' }), system({ p: '2' }), system({ p: '1/again' }))).toEqual({
      packages: { p: '2' },
      conflicts: [],
    });
    expect(merged(system({ p: '1' }), system({ p: '1/x' }), system({ p: '1/y' }))).toEqual({
      packages: { p: '1/y' },
      conflicts: [],
    });
  });

  it('says no more of a long name than fits', () => {
    const long = 'x'.repeat(100_000);
    const { conflicts } = merged(system({}), system({ [long]: long }), system({ [long]: '2' }));
    expect(conflicts.map(text => text.length)).toEqual([expect.toSatisfy((length: number) => length < 500)]);
  });

  it('gives what a part made of it where no other part did anything, whatever the order', () => {
    fc.assert(
      fc.property(systems, systems, (base, part) => {
        for (const parts of [[part], [part, base], [base, part], [part, part]])
          expect(merged(base, ...parts)).toEqual({ packages: plain(part), conflicts: [] });
      }),
    );
  });

  it('has as many conflicts in any order, and without any the same versions', () => {
    fc.assert(
      fc.property(systems, systems, systems, systems, (base, x, y, z) => {
        const versions = (packages: Readonly<Record<string, string>>) =>
          Object.entries(packages).map(([name, identity]) => [name, identity.split('/')[0]]);
        const [one, other] = [merged(base, x, y, z), merged(base, z, y, x)];
        expect(one.conflicts.length).toBe(other.conflicts.length);
        if (one.conflicts.length === 0) expect(versions(one.packages)).toEqual(versions(other.packages));
      }),
    );
  });
});
