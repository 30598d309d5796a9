import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { described, describeText, head, imageOf, names } from '../support.ts';

/** Profiles as `name:required:required`, `*` marks those that are imported. */
function profiles(...all: readonly string[]): string {
  const elements = all.map(each => {
    const [name = '', ...required] = each.replace('*', '').split(':');
    const requires = required.map(profile => `<requires profile="${profile}"/>`);
    const imported = each.endsWith('*') ? ' import="true"' : '';
    return `<profile name="${name}" description="d"${imported}>${requires.join('')}</profile>`;
  });
  return `<profiles>${elements.join('')}</profiles>`;
}

const choose = async (declared: string, ...chosen: readonly string[]) =>
  (await described(declared, { profiles: chosen })).profiles;

describe('profiles', () => {
  it('are those that are imported where none is asked for, in the order of the description', async () => {
    expect(await choose(profiles('a*', 'b', 'c*'))).toEqual(['a', 'c']);
    expect(await choose(profiles('a', 'b'))).toEqual([]);
  });

  it('are those that are asked for, in that order, and imports do not count then', async () => {
    expect(await choose(profiles('a*', 'b', 'c'), 'c', 'b')).toEqual(['c', 'b']);
  });

  it('bring those that they require right behind them, and those of these, each once', async () => {
    const declared = profiles('a:b:d', 'b:c', 'c:a', 'd', 'e:d');
    expect(await choose(declared, 'e', 'a')).toEqual(['e', 'd', 'a', 'b', 'c']);
    expect(await choose(declared, 'b')).toEqual(['b', 'c', 'a', 'd']);
  });

  it('do not bring what imported ones require', async () => {
    expect(await choose(profiles('a:b*', 'b'))).toEqual(['a']);
  });

  it.each([['missing'], ['arm']])('that are not there for this machine are an error: %s', async name => {
    const declared =
      '<profiles><profile name="a" description="d"/><profile name="arm" description="d" arch="aarch64"/></profiles>';
    await expect(choose(declared, name)).rejects.toMatchObject({
      message: `KiwiProfileNotFound: profile ${name} not found for host arch x86_64`,
      mistake: 'KiwiProfileNotFound',
      hint: 'there are a',
    });
  });

  it('are required for some machines only', async () => {
    const declared = `<profiles><profile name="a" description="d"><requires profile="b" arch="aarch64"/></profile>
      <profile name="b" description="d"/></profiles>`;
    expect(await choose(declared, 'a')).toEqual(['a']);
    expect((await described(declared, { profiles: ['a'], architecture: 'aarch64' })).profiles).toEqual([
      'a',
      'b',
    ]);
  });

  it('choose the sections that name one of them, besides those that name none', async () => {
    const sections = ['', ' profiles="a"', ' profiles="b, a"', ' profiles="b"', ' profiles="ab"'].map(
      (attribute, index) => `<packages type="image"${attribute}><package name="p${index}"/></packages>`,
    );
    const { packages, remarks } = await described(profiles('a', 'b') + sections.join(''), {
      profiles: ['a'],
    });
    expect(names(packages.system)).toEqual(['p0', 'p1', 'p2']);
    expect(remarks.map(({ text }) => text)).toEqual(['no profile is called ab']);
  });

  it('choose what a filter of all sections would, whatever the sections are', async () => {
    const known = ['a', 'b', 'c', 'd'];
    const some = fc.uniqueArray(fc.constantFrom(...known), { maxLength: 4 });
    const section = fc.record({
      profiles: some,
      arch: fc.constantFrom('', 'x86_64', 'aarch64', 's390x,x86_64'),
    });
    await fc.assert(
      fc.asyncProperty(some, fc.array(section, { maxLength: 8 }), async (chosen, sections) => {
        const text = sections.map(({ profiles: wanted, arch }, index) => {
          const attributes = [
            wanted.length > 0 ? ` profiles="${wanted.join(',')}"` : '',
            arch === '' ? '' : ` arch="${arch}"`,
          ];
          return `<packages type="image"${attributes.join('')}><package name="p${index}"/></packages>`;
        });
        const { packages } = await described(profiles(...known) + text.join(''), { profiles: chosen });
        const expected = sections.flatMap(({ profiles: wanted, arch }, index) =>
          (wanted.length === 0 || wanted.some(name => chosen.includes(name))) &&
          (arch === '' || arch.split(',').includes('x86_64'))
            ? [`p${index}`]
            : [],
        );
        expect(names(packages.system)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe('machines', () => {
  it('choose profiles, preferences, types, users, repositories, packages and their parts', async () => {
    const text = imageOf(
      '<preferences><version>1</version><type image="tbz"/></preferences>',
      '<preferences arch="s390x"><version>2</version><type image="cpio" primary="true"/></preferences>',
      '<users arch="s390x"><user name="a" password="b"/></users>',
      '<repository arch="s390x"><source path="a"/></repository>',
      '<packages type="image" arch="s390x"><package name="a"/></packages>',
      '<packages type="image"><package name="b" arch="s390x,ppc64le"/><ignore name="c" arch="s390x"/>',
      '<namedCollection name="d" arch="s390x"/><product name="e" arch="s390x"/></packages>',
      '<containers source="r" backend="podman"><container name="f" arch="s390x"/></containers>',
    );
    const parts = async (architecture: string) => {
      const { type, users, repositories, packages, containers } = await describeText(text, { architecture });
      const { system, ignore, collections, products } = packages;
      const counts = [users, repositories, system, ignore, collections, products, containers].map(
        list => list.length,
      );
      return [type.image, ...counts];
    };
    expect(await parts('x86_64')).toEqual(['tbz', 0, 0, 0, 0, 0, 0, 0]);
    expect(await parts('s390x')).toEqual(['cpio', 1, 1, 2, 1, 1, 1, 1]);
  });

  it('of 32 bits are meant by ix86, too', async () => {
    const elements =
      '<packages type="image"><package name="a" arch="ix86"/><package name="b" arch="i586"/></packages>';
    const system = async (architecture: string) =>
      names((await described(elements, { architecture })).packages.system);
    expect(await system('i686')).toEqual(['a']);
    expect(await system('i586')).toEqual(['a', 'b']);
    expect(await system('x86_64')).toEqual([]);
  });

  it('do not choose files of packages', async () => {
    const { packages, remarks } = await described(
      '<packages type="image"><file name="a" arch="s390x"/></packages>',
    );
    expect(names(packages.files)).toEqual(['a']);
    expect(remarks.map(({ text }) => text)).toEqual(['arch of <file>: KIWI ignores it, too']);
  });
});

describe('types', () => {
  const preferences = (...types: readonly string[]) =>
    imageOf(`<preferences><version>1</version>${types.join('')}</preferences>`);

  it('are the primary one, or the first, where none is asked for', async () => {
    const chosen = async (...types: readonly string[]) =>
      (await describeText(preferences(...types))).type.image;
    expect(await chosen('<type image="tbz"/>', '<type image="cpio"/>')).toBe('tbz');
    expect(await chosen('<type image="tbz"/>', '<type image="cpio" primary="true"/>')).toBe('cpio');
    expect(await chosen('<type image="tbz" primary="false"/>', '<type image="cpio" primary="1"/>')).toBe(
      'cpio',
    );
  });

  it('are the first that is called so where one is asked for', async () => {
    const text = preferences('<type image="tbz"/>', '<type image="docker"/>', '<type image="oci"/>');
    expect((await describeText(text, { type: 'oci' })).type.image).toBe('oci');
  });

  it('of one name that are there twice cannot be built', async () => {
    const { type, refusals } = await describeText(
      preferences('<type image="ext4" fsmountoptions="ro"/>', '<type image="ext4"/>'),
      { type: 'ext4' },
    );
    expect(type.attributes.fsmountoptions?.value).toBe('ro');
    expect(refusals.map(({ text }) => text)).toEqual([
      'Conflicting image type setup detected: ext4 is there more than once',
    ]);
  });

  it('that are not there are an error in the words of KIWI', async () => {
    const text = `${head}\n<preferences><version>1</version></preferences>
      <preferences profiles="a,b"><type image="tbz"/></preferences>
      <profiles><profile name="a" description="d"/><profile name="c" description="d"/></profiles></image>`;
    await expect(describeText(text)).rejects.toMatchObject({
      message: 'KiwiTypeNotFound: No build type defined with applied profiles: []',
      mistake: 'KiwiTypeNotFound',
      hint: 'choose a profile that has one: a, b',
    });
    await expect(describeText(text, { profiles: ['c'] })).rejects.toThrow(
      "KiwiTypeNotFound: No build type defined with applied profiles: ['c']",
    );
    await expect(describeText(text, { profiles: ['a', 'c'], type: 'oem' })).rejects.toMatchObject({
      message: "KiwiTypeNotFound: Build type 'oem' not found for applied profiles: ['a', 'c']",
      hint: 'there are tbz',
    });
  });
});
