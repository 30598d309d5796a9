import { describe, expect, it } from 'vitest';
import { parseRepository } from '../../../../src/recipes/kiwi/plan/changes.ts';
import type { AshlarErrors } from '../../../../src/support/errors.ts';
import { renderError } from '../../../../src/support/excerpt.ts';
import { debian, describedIn, type Given, preferences, tbzType } from './support.ts';

const container =
  '<type image="docker" derived_from="docker://r.example/a:1"><containerconfig name="c" tag="1"><labels><label name="a" value="1"/></labels></containerconfig></type>';

const given = (changes: NonNullable<Given['changes']>, elements = [preferences(tbzType), debian]) =>
  describedIn({ elements, changes });

const repository = (text: string) => ({ ...parseRepository(text), credentials: undefined });

describe('a repository on a command line', () => {
  it('has eleven fields, of which the later ones may be missing or empty', () => {
    expect(parseRepository('http://a.example/x')).toEqual({
      attributes: {},
      source: 'http://a.example/x',
      keys: [],
    });
    expect(
      parseRepository(
        'http://a.example,apt-deb,mine,5,true,false,{https://k.example/1:file:///k/2:/k/3},main contrib,bookworm,true,metalink',
      ),
    ).toEqual({
      source: 'http://a.example',
      attributes: {
        type: 'apt-deb',
        alias: 'mine',
        priority: '5',
        imageinclude: 'true',
        package_gpgcheck: 'false',
        components: 'main contrib',
        distribution: 'bookworm',
        repository_gpgcheck: 'true',
        sourcetype: 'metalink',
      },
      keys: ['https://k.example/1', 'file:///k/2', '/k/3'],
    });
    expect(parseRepository('/a,,mine')).toEqual({ attributes: { alias: 'mine' }, source: '/a', keys: [] });
  });

  it.each(['', ',x', '/a,1,2,3,4,5,6,7,8,9,10,11'])('is refused where it cannot be one: %j', text => {
    expect(() => parseRepository(text)).toThrow('not a repository');
  });
});

describe('what a command line changes', () => {
  it('is nothing where it says nothing', async () => {
    expect((await given({})).xml).toBe((await describedIn({ elements: [preferences(tbzType), debian] })).xml);
  });

  it('overwrites the first repository and adds others', async () => {
    const { repositories, xml } = await given({
      setRepository: repository('/first,,one'),
      addRepositories: [repository('/second,rpm-md,two')],
    });
    expect(repositories.map(({ alias, source, type }) => [alias, source, type])).toEqual([
      ['one', '/first', 'apt-deb'],
      ['two', '/second', 'rpm-md'],
    ]);
    // What is kept in the image says so, too.
    expect(xml).toContain('<repository type="rpm-md" alias="two">');
    expect(xml).not.toContain('d.example');
  });

  it('says of the first repository that counts only what is given', async () => {
    const elements = [
      '<profiles><profile name="other" description="O"/></profiles>',
      preferences(tbzType),
      '<repository profiles="other" alias="o"><source path="http://o.example"/></repository>',
      '<repository type="apt-deb" alias="d" distribution="bookworm" components="main contrib" username="me" password="secret"><source path="http://d.example"><signing key="/k"/></source></repository>',
    ];
    const changed = await given({ setRepository: repository('http://m.example,,,5') }, elements);
    expect(changed.repositories).toMatchObject([
      {
        source: 'http://m.example',
        type: 'apt-deb',
        alias: 'd',
        distribution: 'bookworm',
        components: 'main contrib',
        priority: 5,
        signingKeys: ['/k'],
      },
    ]);
    // The password is for who answers at the old address.
    expect(changed.repositories[0]?.password).toBeUndefined();
    expect(changed.xml).toContain('http://o.example');
    const signed = await given({ setRepository: repository('/a,,,,,,{/new}') }, elements);
    expect(signed.repositories).toMatchObject([{ source: '/a', signingKeys: ['/new'] }]);
  });

  it('drops repositories, all or those that packages come from', async () => {
    const only = '<repository alias="o" imageonly="true"><source path="http://o.example"/></repository>';
    const elements = [preferences(tbzType), debian, only];
    const aliases = async (changes: NonNullable<Given['changes']>) =>
      (await given(changes, elements)).repositories.map(({ alias }) => alias);
    expect(await aliases({ ignoreRepositories: 'all' })).toEqual([]);
    expect(await aliases({ ignoreRepositories: 'used-for-build' })).toEqual(['o']);
    expect(await aliases({ ignoreRepositories: 'all', setRepository: repository('/a,,a') })).toEqual(['a']);
  });

  it('keeps who may read a repository out of what becomes part of the image', async () => {
    const secret = {
      ...parseRepository('http://p.example,,p'),
      credentials: { user: 'me', password: 'pass-word' },
    };
    const { repositories, xml } = await given({ addRepositories: [secret] });
    expect(repositories.at(-1)).toMatchObject({ username: 'me', password: 'pass-word' });
    expect(xml).not.toContain('pass-word');
  });

  it('sets attributes of the chosen type only, and refuses those that there are not', async () => {
    const elements = [preferences('<type image="oem" filesystem="ext4"/><type image="tbz"/>'), debian];
    const changed = await given({ typeAttributes: [['filesystem', 'xfs']] }, elements);
    expect(changed.type.attributes.filesystem?.value).toBe('xfs');
    expect(changed.xml).toContain('<type image="tbz"/>');
    const wrong = given({ typeAttributes: [['filesytem', 'xfs']] }, elements);
    await expect(wrong).rejects.toThrow('Failed to validate schema and/or schematron rules.');
  });

  it('sets the release in the first section that counts', async () => {
    const elements = [
      '<profiles><profile name="other" description="O"/></profiles>',
      '<preferences profiles="other"><release-version>1</release-version></preferences>',
      preferences(tbzType, '<release-version>2</release-version>'),
    ];
    const changed = await given({ releaseVersion: '42' }, elements);
    expect(changed.preferences.releaseVersion).toBe('42');
    expect(changed.xml).toContain('<release-version>1</release-version>');
  });

  it('does not show a passphrase that is wrong', async () => {
    const elements = [preferences('<type image="oem" filesystem="ext4"/>')];
    const wrong = given({ typeAttributes: [['luks', 'top\tsecret']] }, elements).catch(
      (error: AshlarErrors) => renderError(error, { color: false }),
    );
    expect(await wrong).toContain('luks of <type> is "…", not one line of text');
    expect(await wrong).not.toMatch(/secret/);
  });

  it('sets the release, and tag and labels of a container', async () => {
    const changed = await given(
      {
        releaseVersion: '42',
        containerTag: '2',
        containerLabels: [
          ['b', '2'],
          ['a', 'new'],
        ],
        derivedFrom: 'docker://r.example/b:2',
      },
      [preferences(container), debian],
    );
    expect(changed.preferences.releaseVersion).toBe('42');
    expect(changed.type.containerconfig).toMatchObject({
      tag: '2',
      labels: [
        ['b', '2'],
        ['a', 'new'],
      ],
    });
    expect(changed.type.attributes.derived_from?.value).toBe('docker://r.example/b:2');
  });
});
