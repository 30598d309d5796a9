import { describe, expect, it } from 'vitest';
import type { CekitOptions } from '../../../../src/recipes/cekit/index.ts';
import { resolved } from '../resolved.ts';

const image = (artifacts: string, install = '[{name: m}]') =>
  `{name: i, version: '1', from: f, artifacts: ${artifacts}, modules: {repositories: [{path: modules}], install: ${install}}}`;

async function slotsOf(files: Readonly<Record<string, string>>, more = {}) {
  const { description, cwd, warnings } = await resolved(files, more);
  const { modules, image } = description.target;
  const shown = [...modules, image].map(({ artifacts }) =>
    artifacts.map(artifact => {
      const source = artifact.kind === 'path' ? artifact.path.replace(`${cwd}/`, '') : artifact.kind;
      return `${source} ${artifact.dest}${artifact.target}`;
    }),
  );
  return { modules: shown.slice(0, -1), image: shown.at(-1), warnings };
}

const override = (value: string): Partial<CekitOptions> => ({ overrides: [{ kind: 'text-or-path', value }] });

describe('an artifact of a module', () => {
  it('is replaced by that of the image that has its name, before anybody looks at it, and copied twice', async () => {
    const files = {
      'image.yaml': image('[{name: server, image: b, path: /opt/server}]'),
      'modules/m/module.yaml':
        '{name: m, version: 1, artifacts: [{name: server, url: "gopher://x", dest: /opt, target: s, sha1: bad}, {path: own}]}',
    };
    expect(await slotsOf(files)).toEqual({
      modules: [['image /tmp/artifacts/server', 'modules/m/own /tmp/artifacts/own']],
      image: ['image /tmp/artifacts/server'],
      warnings: [],
    });
  });

  it('is replaced where its name was made of its path, too', async () => {
    const files = {
      'image.yaml': image('[{url: "https://h/x/j.jar", target: k}]'),
      'modules/m/module.yaml': '{name: m, version: 1, artifacts: [{path: some/j.jar}]}',
    };
    expect(await slotsOf(files)).toMatchObject({
      modules: [['url /tmp/artifacts/k']],
      image: ['url /tmp/artifacts/k'],
    });
  });

  it('gives place and file name to an override that has none of its own', async () => {
    const files = {
      'image.yaml': image('[]'),
      'modules/m/module.yaml':
        "{name: m, version: 1, artifacts: [{name: j, url: 'https://h/j.jar', target: j.jar, dest: /opt/j, mode: '0600', uid: 7}]}",
    };
    expect(await slotsOf(files, override('{artifacts: [{name: j, path: local.jar}]}'))).toMatchObject({
      modules: [['local.jar /opt/j/j.jar']],
      image: ['local.jar /opt/j/j.jar'],
    });
    const elsewhere = override('{artifacts: [{name: j, path: local.jar, dest: /x, target: y}]}');
    expect(await slotsOf(files, elsewhere)).toMatchObject({
      modules: [['local.jar /x/y']],
      image: ['local.jar /x/y'],
    });
    const { description } = await resolved(
      files,
      override('{artifacts: [{name: j, path: local.jar, uid: 0}]}'),
    );
    expect(description.target.image.artifacts).toMatchObject([{ mode: 0o600, uid: 0 }]);
  });

  it('gives nothing to what the descriptor itself has, overridden or not', async () => {
    const files = {
      'image.yaml': image('[{name: j, path: p}]'),
      'modules/m/module.yaml': '{name: m, version: 1, artifacts: [{name: j, path: q, target: t, dest: /d}]}',
    };
    expect(await slotsOf(files, override('{artifacts: [{name: j, path: o}]}'))).toMatchObject({
      modules: [['o /tmp/artifacts/j']],
      image: ['o /tmp/artifacts/j'],
    });
  });

  it('stays when another module has one of its name', async () => {
    const module = (name: string, path: string) =>
      `{name: ${name}, version: 1, artifacts: [{name: art, path: ${path}, target: ${path}.jar}]}`;
    const files = {
      'image.yaml': image('[]', '[{name: a}, {name: b}]'),
      'modules/a/module.yaml': module('a', 'one'),
      'modules/b/module.yaml': module('b', 'two'),
    };
    expect(await slotsOf(files)).toEqual({
      modules: [['modules/a/one /tmp/artifacts/one.jar'], ['modules/b/two /tmp/artifacts/two.jar']],
      image: [],
      warnings: ["modules/b/module.yaml:1: there are two artifacts 'art'; both are copied"],
    });
  });
});

describe('artifacts of an image', () => {
  it('of one name are both copied, and the last of them fills slots', async () => {
    const files = {
      'image.yaml': image('[{name: n, path: f, target: f1}, {name: n, path: g, target: g1}]'),
      'modules/m/module.yaml': '{name: m, version: 1, artifacts: [{name: n, path: x}]}',
    };
    expect(await slotsOf(files)).toEqual({
      modules: [['g /tmp/artifacts/g1']],
      image: ['f /tmp/artifacts/f1', 'g /tmp/artifacts/g1'],
      warnings: ["image.yaml:1: there are two artifacts 'n'; both are copied"],
    });
  });

  it('that become the same file are told of', async () => {
    const { warnings } = await slotsOf({
      'image.yaml': image('[{name: a, path: f, target: x}, {name: b, path: g, target: x}]', '[]'),
      'modules/x': '',
    });
    expect(warnings).toEqual([
      "image.yaml:1: the artifacts 'a' and 'b' both become /tmp/artifacts/x; the last one counts",
    ]);
  });
});
