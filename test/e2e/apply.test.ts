import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { packTar } from './roots.ts';
import { outputAsRoot, type Project, useWorkspace } from './support.ts';

const BASE = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n';

describe.skipIf(!has('umoci'))('apply', () => {
  const workspace = useWorkspace();

  interface FileOf {
    readonly content: string;
    readonly mode?: number;
    readonly uid?: number;
  }
  type Files = Readonly<Record<string, string | FileOf>>;

  /** Imports of files with these contents. */
  function imports(project: Project, name: string, files: Files) {
    return Object.entries(files).map(([dest, file]) => {
      const { content, ...attributes } = typeof file === 'string' ? { content: file } : file;
      project.write(`${name}/${dest}`, content);
      return { path: `${name}/${dest}`, dest, mode: 0o644, ...attributes };
    });
  }

  /** A project whose layout has an image `base`, and others that are built on it, each with its files. */
  async function projectWith(base: Files, others: Readonly<Record<string, Files>>): Promise<Project> {
    const project = workspace.project();
    const layers = Object.entries(others).map(([name, files]) => {
      const from = { type: 'built', tag: 'base' };
      return [name, { from, imports: imports(project, name, files) }] as const;
    });
    await project.build({
      base: { from: { type: 'scratch' }, imports: imports(project, 'base', base) },
      ...Object.fromEntries(layers),
    });
    return project;
  }

  /** A layer `result` on `base` to which images of the same layout are applied. */
  function applying(names: readonly string[], more: object = {}) {
    const apply = names.map(name => `oci:oci:${name}`);
    return { result: { from: { type: 'oci', url: 'oci:base' }, apply, ...more } };
  }

  it('adds layers as they are, without those that are there, and merges edits of one file', async () => {
    const project = await projectWith(
      { '/etc/f': BASE, '/kept': 'kept' },
      {
        a: { '/etc/f': BASE.replace('one', 'ONE') },
        b: { '/etc/f': BASE.replace('nine', 'NINE'), '/b': 'b' },
      },
    );
    const [base, a, b] = ['base', 'a', 'b'].map(tag => project.image(tag).layers);
    const { stderr } = await project.build(applying(['a', 'b']));
    const [aLayer, ...bLayers] = [...(a ?? []), ...(b ?? [])].filter(layer => !base?.includes(layer));
    expect(stderr).toContain(
      [
        `merging in layers from oci:${project.oci}:a`,
        `applying layer ${aLayer}`,
        `merging in layers from oci:${project.oci}:b`,
        ...bLayers.map(layer => `applying layer ${layer}`),
      ].join('\n'),
    );
    const { layers, config } = project.image('result');
    expect(layers.slice(0, -1)).toEqual([...(base ?? []), aLayer, ...bLayers]);
    expect(project.image('result').names(-1)).toEqual(['/', 'etc/', 'etc/f']);
    expect(config.history?.map(({ created_by }) => created_by)).toEqual([
      ...['base', 'base'].map(name => `stacker overlay dir for ${name}`),
      'stacker build',
      'stacker overlay dir for a',
      ...['b', 'b'].map(name => `stacker overlay dir for ${name}`),
      'stacker build of result',
      'stacker build',
    ]);
    const root = await project.unpack('result');
    expect(
      await outputAsRoot(
        'cat',
        ['etc/f', 'b', 'kept'].map(name => join(root, name)),
      ),
    ).toBe(`${BASE.replace('one', 'ONE').replace('nine', 'NINE')}bkept`);
    // The second time there is nothing to do, and nothing to say but that.
    const again = await project.build(applying(['a', 'b']));
    expect(again.stderr).not.toContain('applying layer');
    expect(again.stderr).toMatch(/found cached layer result\n$/);
    expect((await project.ashlar(['explain'])).stdout).toBe('result: up to date\n');
  });

  it('makes no layer where there is nothing to merge, and run sees what was applied', async () => {
    const project = await projectWith({ '/f': 'f' }, { a: { '/a': 'a' }, b: { '/b': 'b' } });
    await project.build(applying(['a', 'b', 'a', 'base'], { labels: { merged: 'no' } }));
    const expected = [...project.image('a').layers, ...project.image('b').layers.slice(1)];
    const result = project.image('result');
    expect(result.layers).toEqual(expected);
    expect(result.config.rootfs.diff_ids).toHaveLength(3);
    expect(result.config.config?.Labels).toEqual({ merged: 'no' });
    const changed = await project.build(applying(['a']), ['--explain']);
    expect(changed.stderr).toMatch(/^cache miss because layer definition was changed$/m);
    expect(project.image('result').layers).toEqual(project.image('a').layers);
    project.writeStackerFile(applying(['b']));
    const { stdout } = await project.ashlar(['explain']);
    expect(stdout).toMatch(/^ {2}step 1 \(apply oci:\S+:b\): new$/m);
    expect(stdout).toMatch(/^ {2}apply oci:\S+:a: removed$/m);
  });

  it('honours what an applied image removes', async () => {
    const project = await projectWith({ '/d/gone': 'gone', '/d/kept': 'kept' }, { a: { '/a': 'a' } });
    project.write('removal/d/.wh.gone', '');
    packTar(project.at('removal'), project.at('removal.tar'));
    await project.build({
      removing: {
        from: [
          { type: 'oci', url: 'oci:base' },
          { type: 'tar', url: 'removal.tar' },
        ],
      },
    });
    await project.build(applying(['removing', 'a']));
    const root = await project.unpack('result');
    expect(await outputAsRoot('find', [root, '-type', 'f', '-printf', '%P\n'])).toMatch(
      /^(a\nd\/kept|d\/kept\na)\n$/,
    );
  });

  describe('refuses, and makes nothing of it:', () => {
    const files = {
      'one-edit': { '/f': BASE.replace('one', 'EINS') },
      'other-edit': { '/f': BASE.replace('one', 'UN') },
      'one-binary': { '/f': 'a\0b' },
      'other-binary': { '/f': 'a\0c' },
      'one-mode': { '/f': { content: BASE, mode: 0o600 } },
      'other-mode': { '/f': { content: BASE, mode: 0o640 } },
      'one-owner': { '/f': { content: BASE, uid: 1 }, '/g': 'a\0b' },
      'other-owner': { '/f': { content: BASE, uid: 2 }, '/g': 'a\0c' },
    };
    let project: Project;
    beforeAll(async () => {
      project = await projectWith({ '/f': BASE }, files);
    });

    async function refusal(name: string): Promise<string> {
      const before = project.modified('oci', 'index.json');
      const error = await project.failure(applying([`one-${name}`, `other-${name}`]));
      expect(error).toMatch(/^ +--> stacker\.yaml:\d+:\d+$/m);
      expect(project.modified('oci', 'index.json')).toBe(before);
      return error;
    }

    it('edits of the same lines', async () => {
      const error = await refusal('edit');
      expect(error).toMatch(/^error: couldn't merge \/f, specifically hunk:\n/);
      expect(error).toMatch(/^ *-one\n *\+UN$/m);
      expect(error).toMatch(/oci:oci:one-edit, layer sha256:[0-9a-f]+.* oci:oci:other-edit, layer sha256:/);
      // One of them alone is fine.
      await project.build(applying(['other-edit']));
      expect(project.image('result').layers).toEqual(project.image('other-edit').layers);
    });

    it('different binary files', async () => {
      expect(await refusal('binary')).toMatch(
        /^error: existing file different, can't diff \/f of type application\/octet-stream \(oci:oci:one-binary, .*oci:oci:other-binary/,
      );
    });

    it('other permissions', async () => {
      expect(await refusal('mode')).toMatch(/^error: apply can't merge files of different types: \/f/);
    });

    it('other owners, and whatever else there is, all at once', async () => {
      const error = await refusal('owner');
      expect(error).toMatch(/^error: 2 conflicts with what is applied:\n/);
      expect(error).toMatch(/^ +two different uids on \/f: 1 2/m);
      expect(error).toMatch(/^ +existing file different, can't diff \/g /m);
    });
  });

  it('compares times, too, when that is asked for', async () => {
    const project = workspace.project();
    for (const [name, time] of [
      ['one', '2001-01-01'],
      ['two', '2002-02-02'],
    ] as const) {
      project.write(`${name}/etc/${name}`, name);
      packTar(project.at(name), project.at(`${name}.tar`), `--mtime=${time}`);
    }
    const tar = (name: string) => ({ from: { type: 'tar', url: `${name}.tar` } });
    await project.build({ base: tar('one'), two: tar('two') });
    const file = applying(['two']);
    expect(await project.failure(file, ['--apply-consider-timestamps'])).toMatch(
      /^error: two different mod times on \/etc /,
    );
    await project.build(file);
    expect(project.image('result').layers).toHaveLength(2);
  });
});
