import { describe, expect, it } from 'vitest';
import { resolved } from '../resolved.ts';

/** Modules a -> c, then b; visited in that order, installed c, a, b. */
function files(image: string, { a = '{}', b = '{}', c = '{}' } = {}): Readonly<Record<string, string>> {
  return {
    'image.yaml': `{name: i, version: '1', from: f, packages: ${image}, modules: {repositories: [{path: modules}], install: [{name: a}, {name: b}]}}`,
    'modules/a/module.yaml': `{name: a, version: 1, packages: ${a}, modules: {install: [{name: c}]}}`,
    'modules/b/module.yaml': `{name: b, version: 1, packages: ${b}}`,
    'modules/c/module.yaml': `{name: c, version: 1, packages: ${c}}`,
  };
}

async function targetOf(...parameters: Parameters<typeof files>) {
  const { description, warnings } = await resolved(files(...parameters));
  return { ...description.target, warnings };
}

describe('the package manager', () => {
  it('is that of the image, of the first module visited that has one, or yum', async () => {
    const modules = { b: '{manager: apk}', c: '{manager: dnf}' };
    expect(await targetOf('{manager: microdnf}', modules)).toMatchObject({ manager: 'microdnf' });
    expect(await targetOf('{}', modules)).toMatchObject({ manager: 'dnf' });
    expect(await targetOf('{}', { b: '{manager: apk}' })).toMatchObject({ manager: 'apk' });
    expect(await targetOf('{}', { ...modules, a: '{manager: apt-get}' })).toMatchObject({
      manager: 'apt-get',
    });
    expect(await targetOf('{}')).toMatchObject({ manager: 'yum' });
  });

  it('has flags of the image, not of modules', async () => {
    const flags = async (...parameters: Parameters<typeof files>) =>
      (await targetOf(...parameters)).managerFlags;
    expect(await flags("{manager_flags: '--a'}", { a: "{manager_flags: '--b'}" })).toMatchObject({
      text: '--a',
    });
    expect(await flags('{}', { a: "{manager_flags: '--b'}" })).toBeUndefined();
    expect(await flags("{manager_flags: ''}")).toMatchObject({ text: '' });
    expect(await flags('{manager_flags: ~}')).toBeUndefined();
  });
});

it('packages stay with the module or image that names them', async () => {
  const { modules, image } = await targetOf('{install: [i], remove: [j], reinstall: [k]}', {
    a: '{install: [b, a]}',
    c: '{remove: [c]}',
  });
  const shown = [...modules, image].map(({ name, install, remove, reinstall }) => [
    name,
    ...[install, remove, reinstall].map(list => list.map(({ text }) => text).join(' ')),
  ]);
  expect(shown).toEqual([
    ['c', '', 'c', ''],
    ['a', 'b a', '', ''],
    ['b', '', '', ''],
    ['i', 'i', 'j', 'k'],
  ]);
});

describe('package repositories', () => {
  it('are those of the image, then of modules as they are visited, the first of each name', async () => {
    const { repositories, warnings } = await targetOf(
      '{repositories: [{name: i, rpm: ii}, {name: r, rpm: rr}]}',
      {
        a: "{repositories: [{name: r, rpm: ra}, {name: 'my re po', url: {repository: 'https://h/x.repo'}}]}",
        b: '{repositories: [{name: s, rpm: sb}]}',
        c: "{repositories: [{name: s, rpm: sc}, {name: u, url: {repository: '/etc/u v.repo'}}]}",
      },
    );
    expect(repositories).toMatchObject([
      { kind: 'rpm', name: 'i', rpm: 'ii' },
      { kind: 'rpm', name: 'r', rpm: 'rr' },
      { kind: 'url', name: 'my re po', fileName: 'my_re_po.repo', url: 'https://h/x.repo' },
      { kind: 'rpm', name: 's', rpm: 'sc' },
      { kind: 'url', name: 'u', fileName: 'u.repo', url: 'file:///etc/u%20v.repo' },
    ]);
    expect(warnings).toEqual([]);
  });

  it('that only have a name or id are expected in the base image', async () => {
    const { repositories, warnings } = await targetOf(
      "{repositories: [{name: p, description: d}, {name: q, id: '1'}]}",
    );
    expect(repositories).toMatchObject([
      { kind: 'plain', name: 'p' },
      { kind: 'id', name: 'q' },
    ]);
    expect(warnings).toEqual(
      ['p', 'q'].map(
        name =>
          `image.yaml:1: Repository '${name}' is defined as plain. It must be available inside the image as Cekit will not inject it.`,
      ),
    );
  });

  it.each(['apk', 'apt-get'])('are skipped with %s, whoever chose it', async manager => {
    const message = `Package manager ${manager} does not support defining repositories, skipping all repositories`;
    const own = await targetOf(`{manager: ${manager}, repositories: [{name: r, rpm: x}]}`);
    expect(own).toMatchObject({ repositories: [], warnings: [`image.yaml:1: ${message}`] });
    const ofModule = await targetOf('{manager: dnf}', {
      b: `{manager: ${manager}, repositories: [{name: r, rpm: x}]}`,
    });
    expect(ofModule).toMatchObject({ repositories: [], warnings: [`modules/b/module.yaml:1: ${message}`] });
    const elsewhere = await targetOf(`{manager: ${manager}}`, { a: '{repositories: [{name: r, rpm: x}]}' });
    expect(elsewhere).toMatchObject({ repositories: [], warnings: [`modules/a/module.yaml:1: ${message}`] });
  });

  it('cannot have two sources', async () => {
    await expect(targetOf('{repositories: [{name: r, rpm: x, id: y}]}')).rejects.toThrow(
      "Repository 'r' is invalid, you can use only one of ['id', 'rpm', 'url']",
    );
  });

  it.each(['../x', 'a\nb'])('that are files have names of files: %j', async name => {
    const bad = `{repositories: [{name: ${JSON.stringify(name)}, url: {repository: 'https://h/x.repo'}}]}`;
    await expect(targetOf(bad)).rejects.toMatchObject({
      message: `repository '${name}' cannot be the name of a file`,
      at: { line: 1, column: 67 },
    });
  });
});

describe('content sets', () => {
  it('take the place of repositories, and are nothing that can be used here', async () => {
    const { contentSets, repositories, warnings } = await targetOf(
      '{content_sets: {x86_64: [a, b], s390x: [c]}, repositories: [{name: r, rpm: x}]}',
      { a: '{content_sets: {ppc64le: [a]}}' },
    );
    expect(contentSets).toMatchObject({ sets: { x86_64: ['a', 'b'], s390x: ['c'] } });
    expect(repositories).toEqual([]);
    expect(warnings).toEqual([
      'image.yaml:1: The image has ContentSets repositories specified, all other repositories are removed!',
      'image.yaml:1: content sets need a compose service: packages come from the repositories of the base image',
    ]);
  });

  it('of modules count for nothing', async () => {
    expect(await targetOf('{}', { a: '{content_sets: {ppc64le: [a]}}' })).toMatchObject({ warnings: [] });
  });

  it('are there for every platform', async () => {
    const sets = files('{content_sets: {x86_64: [a], s390x: [c]}}');
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 's390x' },
    ];
    await resolved(sets, { platforms });
    const more = { platforms: [...platforms, { os: 'linux', architecture: 'arm64' }] };
    await expect(resolved(sets, more)).rejects.toMatchObject({
      message: "There are no content_sets defined for platform 'aarch64'!",
      at: { line: 1 },
    });
  });

  it('may be in a file beside their descriptor', async () => {
    const more = {
      'o/override.yaml': '{packages: {content_sets_file: sets.yml}}',
      'o/sets.yml': 'x86_64:\n- a\n',
      'o/wrong.yml': 'x86_64: a\n',
    };
    const overrides = [{ kind: 'path', value: 'o/override.yaml' }] as const;
    const { description } = await resolved({ ...files('{}'), ...more }, { overrides });
    expect(description.target.contentSets).toMatchObject({ sets: { x86_64: ['a'] } });
    await expect(resolved({ ...files('{content_sets_file: o/wrong.yml}'), ...more })).rejects.toMatchObject({
      message: 'content sets are a map from architectures to lists of ids',
      at: { file: expect.stringMatching(/o\/wrong.yml$/), line: 1, column: 9 },
    });
    await expect(resolved(files('{content_sets_file: nix.yml}'))).rejects.toMatchObject({
      message: expect.stringMatching(/^'\/.*\/nix.yml' file not found!$/),
      at: { line: 1, column: 64 },
    });
    const both = files('{content_sets_file: o/sets.yml, content_sets: {x86_64: [a]}}');
    await expect(resolved(both)).rejects.toThrow(
      "You cannot specify 'content_sets' and 'content_sets_file' together in the packages section!",
    );
  });

  it('may be empty, which is none', async () => {
    expect((await targetOf('{content_sets: {}}')).contentSets).toBeUndefined();
  });
});
