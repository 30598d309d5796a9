import { describe, expect, it } from 'vitest';
import { bundleFormat, bundleNames, parseResults } from '../../../src/recipes/kiwi/bundle.ts';
import { resultText } from '../../../src/recipes/kiwi/plan/results.ts';
import { describeText, imageOf } from './support.ts';

const files = ['n.x86_64-1.2.3.raw', 'n.x86_64-1.2.3.packages', 'n.x86_64-1.2.3.install.iso'];

describe('the files of a bundle', () => {
  it('have its name behind the version', () => {
    expect([...bundleNames(files, 'rc1', undefined).values()]).toEqual([
      'n.x86_64-1.2.3-rc1.raw',
      'n.x86_64-1.2.3-rc1.packages',
      'n.x86_64-1.2.3-rc1.install.iso',
    ]);
  });

  it('are called as the type says', async () => {
    const text = imageOf(
      '<profiles><profile name="a" description="a"/><profile name="b" description="b"/></profiles>',
      '<preferences><version>1.2.3</version><type image="tbz" bundle_format="%N-%P-%A-%T-%M_%m_%p-%v-%I"/></preferences>',
    );
    const format = bundleFormat(await describeText(text, { profiles: ['b', 'a'] }));
    expect(format).toBe('n-b_a-x86_64-tbz-1_2_3-1.2.3-%I');
    expect([...bundleNames(files, 'rc1', format).values()]).toEqual([
      'n-b_a-x86_64-tbz-1_2_3-1.2.3-rc1.raw',
      'n-b_a-x86_64-tbz-1_2_3-1.2.3-rc1.packages',
      'n-b_a-x86_64-tbz-1_2_3-1.2.3-rc1.install.iso',
    ]);
    const written = parseResults(resultText([{ role: 'disk_image', path: '/t/n.raw' }], format), 'f');
    expect(written.get('bundle_format')?.filename).toBe(format);
    expect(written.get('disk_image')).toMatchObject({ filename: '/t/n.raw', compress: true });
  });

  it('stay in the directory of the bundle', () => {
    for (const format of ['../%I', '', '.%I', 'a/b'])
      expect(() => bundleNames(files, 'rc1', format)).toThrow('cannot be the name of files of a bundle');
    expect(() => bundleNames(['other.raw', ...files], 'rc1', undefined)).toThrow('other.raw');
    expect(() => bundleNames(['n.raw'], 'rc1', undefined)).toThrow('no list of packages');
  });
});

describe('lists of results', () => {
  it.each(['', 'null', '[1]', '{"a": {}}', '{"a": {"filename": 1}}'])('are checked: %s', text => {
    expect(() => parseResults(text, 'kiwi.result.json')).toThrow('kiwi.result.json does not list results');
  });
});
