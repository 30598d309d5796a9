import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { packTar } from './roots.ts';
import { outputAsRoot, type Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci'))('where parts of a stack disagree', () => {
  const workspace = useWorkspace();
  const built = (tag: string) => ({ type: 'built', tag });
  const both = [built('a'), built('b')];

  /** A layer with files of these contents. */
  function files(project: Project, name: string, contents: Readonly<Record<string, string>>) {
    const imports = Object.entries(contents).map(([path, content]) => {
      project.write(`${name}/${path}`, content);
      return { path: `${name}/${path}`, dest: path };
    });
    return { from: { type: 'scratch' }, imports, build_only: true };
  }

  /** The texts of files of an image; those that are not there are left out. */
  async function textsOf(project: Project, tag: string, ...paths: readonly string[]): Promise<string> {
    const root = await project.unpack(tag);
    return outputAsRoot('sh', ['-c', 'cd "$0"; cat "$@" 2>/dev/null || true', root, ...paths]);
  }

  it('lets the upper part win and tells, unless it is told otherwise', async () => {
    const project = workspace.project();
    const parts = {
      a: files(project, 'a', { '/etc/f': 'one', '/etc/same': 'same', '/x': 'x' }),
      b: files(project, 'b', { '/etc/f': 'two!', '/etc/same': 'same' }),
    };
    const { stderr } = await project.build({ ...parts, both: { from: both } });
    const lines = stderr.split('\n');
    const head = lines.findIndex(line => line.startsWith('the upper part wins'));
    expect(lines[head]).toMatch(
      /^the upper part wins where the parts of this stack disagree: a, b \(stacker\.yaml:\d+:\d+\)$/,
    );
    expect(lines[head + 1]).toMatch(/^ {2}\/etc\/f: 3 B \(sha256 \w+\) in a, 4 B \(sha256 \w+\) in b$/);
    expect(lines[head + 2]).not.toMatch(/^ /);
    // What is the same in both is one layer.
    expect(project.image('both').layers).toHaveLength(4);
    expect(await textsOf(project, 'both', 'etc/f', 'etc/same', 'x')).toBe('two!samex');
    // Nothing is new, and it is said again.
    expect((await project.build({ ...parts, both: { from: both } })).stderr).toContain('  /etc/f: ');
  });

  it('does what is wanted for all, and for each path', async () => {
    const project = workspace.project();
    const { stderr } = await project.build({
      a: files(project, 'a', { '/etc/f': '1', '/etc/g': '3', '/srv/h': '5' }),
      b: files(project, 'b', { '/etc/f': '2', '/etc/g': '4', '/srv/h': '6' }),
      last: { from: both, conflicts: 'last' },
      first: { from: { type: 'stack', layers: both, conflicts: 'first' } },
      mixed: { from: both, conflicts: { default: 'first', '/etc/**': 'error', '/etc/{f,g}': 'last' } },
      // What is made for one stack is made for all that are alike.
      again: { from: both, conflicts: 'first' },
    });
    expect(stderr).not.toContain('disagree');
    expect(project.image('last').layers).toHaveLength(6);
    expect(project.image('first').layers).toHaveLength(7);
    expect(project.image('again').layers).toEqual(project.image('first').layers);
    const texts = ['last', 'first', 'mixed'].map(tag => textsOf(project, tag, 'etc/f', 'etc/g', 'srv/h'));
    expect(await Promise.all(texts)).toEqual(['246', '135', '245']);
    expect(project.image('first').names(-1)).toEqual(['/', 'etc/', 'etc/f', 'etc/g', 'srv/', 'srv/h']);
  });

  it('makes nothing when that is wanted, and names all of it', async () => {
    const project = workspace.project();
    const error = await project.failure({
      a: files(project, 'a', { '/f': '1', '/g/h': '3', '/i': '5' }),
      b: files(project, 'b', { '/f': '2', '/g': '4', '/i': '6' }),
      both: { from: both, conflicts: { default: 'error', '/i': 'last' } },
    });
    expect(error).toMatch(/^error: 2 conflicts between the parts of the stack:\n/);
    expect(error).toMatch(/^ +\/f: 1 B \(sha256 \w+\) in a, 1 B \(sha256 \w+\) in b$/m);
    expect(error).toMatch(/^ +\/g: .*directory.* in a, .*file.* in b$/m);
    expect(error).not.toContain('/i:');
    expect(error).toMatch(/^ +--> stacker\.yaml:\d+:\d+$/m);
    expect(error).toMatch(/^hint: /m);
    expect(project.tags()).toEqual([]);
  });

  it('keeps what the lower part has although the upper one removes it, when the first wins', async () => {
    const project = workspace.project();
    const { from, imports } = files(project, 'base', { '/f': 'base', '/g': 'base' });
    project.write('removal/.wh.f', '');
    packTar(project.at('removal'), project.at('removal.tar'));
    const parts = {
      base: { from, imports, build_only: true },
      a: { from: built('base'), imports: files(project, 'a', { '/f': 'changed' }).imports, build_only: true },
      b: { from: [built('base'), { type: 'tar', url: 'removal.tar' }], conflicts: 'last', build_only: true },
    };
    const { stderr } = await project.build({
      ...parts,
      last: { from: both },
      first: { from: both, conflicts: 'first' },
    });
    expect(stderr).toMatch(/^ {2}\/f: .*removed by b/m);
    expect(await textsOf(project, 'last', 'f', 'g')).toBe('base');
    expect(await textsOf(project, 'first', 'f', 'g')).toBe('changedbase');
  });

  it('shows the first of many, and all of them to those who want to know', async () => {
    const project = workspace.project();
    const names = Array.from({ length: 30 }, (_, i) => `/d${i}/f`);
    const file = {
      a: files(project, 'a', Object.fromEntries(names.map(name => [name, 'a']))),
      b: files(project, 'b', Object.fromEntries(names.map(name => [name, 'b']))),
      both: { from: both },
    };
    const { stderr } = await project.build(file);
    expect(stderr.match(/^ {2}\/d\d+\/f: /gm)).toHaveLength(20);
    expect(stderr).toContain('\n  and 10 more. use --debug for complete output\n');
    const all = await project.ashlar(['build'], { globals: ['--debug'] });
    expect(all.stderr.match(/^ {2}\/d\d+\/f: /gm)).toHaveLength(30);
    expect(all.stderr).not.toContain('more. use --debug');
  });
});
