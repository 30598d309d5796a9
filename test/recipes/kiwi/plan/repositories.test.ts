import { describe, expect, it } from 'vitest';
import { buildRepositories, locationOf } from '../../../../src/recipes/kiwi/plan/repositories.ts';
import { at, describedIn, preferences, tbzType } from './support.ts';

const where = { directory: '/d' };

describe('the place of a repository', () => {
  it.each([
    ['http://h.example/a', 'http://h.example/a'],
    ['/srv/repo', '/srv/repo'],
    ['dir:///srv/repo', '/srv/repo'],
    ['file:///srv/repo', '/srv/repo'],
    ['dir:/srv/repo', '/srv/repo'],
    ['this://repo', '/d/repo'],
    ['this://./repo/x', '/d/repo/x'],
  ])('is read as KIWI does: %s', (source, place) => {
    expect(locationOf(source, at, where)).toBe(place);
  });

  it('of the build service is where that publishes its projects', () => {
    expect(locationOf('obs://home:me:x/tw', at, where)).toMatch(/\/repositories\/home:\/me:\/x\/tw$/);
  });

  it.each(['obsrepositories:/', 'ftps://x', 'relative/path'])('is refused where it is none: %s', source => {
    expect(() => locationOf(source, at, where)).toThrow(source);
  });
});

describe('repositories that packages come from', () => {
  const elements = (...repositories: readonly string[]) => [preferences(tbzType), ...repositories];
  const repository = (path: string, more = '') =>
    `<repository type="apt-deb" ${more}><source path="${path}"><signing key="https://k.example/$releasever"/></source></repository>`;

  it('leave out local ones that are not there, with a warning', async () => {
    const description = await describedIn({
      elements: elements(repository('this://there', 'alias="t"'), repository('this://gone', 'alias="g"')),
      files: { 'there/Packages': '' },
    });
    const warnings: string[] = [];
    const found = buildRepositories(description, { warn: text => warnings.push(text) });
    expect(found.map(({ alias, url }) => [alias, url])).toEqual([['t', `${description.directory}/there`]]);
    expect(warnings).toEqual(['repository this://gone does not exist and will be skipped']);
  });

  it('have names that follow from what they are, and differ', async () => {
    const build = async () =>
      buildRepositories(
        await describedIn({
          elements: elements(
            repository('http://a.example'),
            repository('http://b.example'),
            repository('http://c.example', 'alias="x"'),
            repository('http://d.example', 'alias="x"'),
            repository('http://e.example', 'alias="no" imageonly="true"'),
          ),
        }),
        { warn: () => {} },
      ).map(({ alias }) => alias);
    const names = await build();
    expect(names).toHaveLength(4);
    expect(new Set(names).size).toBe(4);
    expect(names.slice(2)).toEqual(['x', 'x-2']);
    expect(await build()).toEqual(names);
  });

  it('know the release in the names of keys', async () => {
    const description = await describedIn({
      elements: elements(repository('http://a.example', 'alias="a" components="main  contrib"')),
      changes: { releaseVersion: '15.6' },
    });
    expect(buildRepositories(description, { warn: () => {} })).toMatchObject([
      { components: ['main', 'contrib'], keys: [{ kind: 'http', url: 'https://k.example/15.6' }] },
    ]);
  });
});
