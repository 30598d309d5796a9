/** Layers that stand on other layers: build_only, deletions, layers without changes, repeated layers, several files. */
import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxRoot, linesOf, packTar, umoci, useBusybox } from './roots.ts';
import { failureOf, type Project, stackerProgram, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

describe.skipIf(!has('umoci', 'busybox'))('stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  /** The paths below a directory of an image. */
  async function pathsBelow(project: Project, tag: string, directory: string): Promise<readonly string[]> {
    const paths = Object.keys(await describeTree(await project.unpack(tag)));
    return paths.filter(path => path.startsWith(`./${directory}`)).map(path => path.slice(2));
  }

  describe('with build_only layers', () => {
    it('leaves what one of them deleted out of the image above, in the layer of the one that deleted it', async () => {
      const project = workspace.project();
      await project.build({
        base: { from: busybox, run: 'mkdir -p /a/b /c; touch /a/b/1 /a/2 /c/3 /c/4' },
        hidden: { from: built('base'), run: 'rm -r /a/b; rm /c/3; touch /a/own', build_only: true },
        top: { from: built('hidden'), run: 'rm /a/own; touch /top' },
      });
      const { layers, names } = project.image('top');
      expect(layers.slice(0, 2)).toEqual(project.image('base').layers);
      expect(names(2)).toEqual(['/', 'a/', 'a/.wh.b', 'a/own', 'c/', 'c/.wh.3']);
      expect(names(3)).toEqual(['/', 'a/', 'a/.wh.own', 'top']);
      expect(await pathsBelow(project, 'top', 'a')).toEqual(['a', 'a/2']);
      expect(await pathsBelow(project, 'top', 'c')).toEqual(['c', 'c/4']);
    });

    it('keeps a file that one deletes and the next makes again, and deletes one that comes and goes', async () => {
      const project = workspace.project();
      await project.build({
        one: { from: busybox, run: 'echo 1 >/again; echo 1 >/gone; echo 1 >/kept', build_only: true },
        two: { from: built('one'), run: 'rm /again /gone', build_only: true },
        three: { from: built('two'), run: 'echo 3 >/again; echo 3 >/gone', build_only: true },
        four: { from: built('three'), run: 'rm /gone; cat /again /kept >/seen', build_only: true },
        top: { from: built('four') },
      });
      const { layers, names } = project.image('top');
      expect(layers).toHaveLength(5);
      expect(names(-1)).toEqual(['/', '.wh.gone', 'seen']);
      expect(await project.fileOf('top', 'seen')).toBe('3\n1\n');
      expect(await pathsBelow(project, 'top', 'gone')).toEqual([]);
    });

    it('adds nothing for a layer that changes nothing, below and above', async () => {
      const project = workspace.project();
      await project.build({
        one: { from: busybox, run: 'touch /one', build_only: true },
        nothing: { from: built('one'), run: 'true', build_only: true },
        two: { from: built('nothing'), run: 'touch /two', build_only: true },
        top: { from: built('two'), run: 'test -e /one -a -e /two' },
        twice: { from: built('top') },
      });
      expect(project.tags()).toEqual(['top', 'twice']);
      const top = project.image('top');
      expect(top.layers).toHaveLength(3);
      expect([top.names(1), top.names(2)]).toEqual([
        ['/', 'one'],
        ['/', 'two'],
      ]);
      expect(project.image('twice').layers).toEqual(top.layers);
    });

    it('gives their config, labels and history to the image above', async () => {
      const project = workspace.project();
      await project.build({
        one: {
          from: busybox,
          run: 'touch /one',
          build_only: true,
          environment: { A: '1' },
          labels: { l: 'one' },
          entrypoint: '/e x',
          annotations: { 'org.one': '1' },
        },
        top: { from: built('one'), run: 'touch /top', cmd: 'c' },
      });
      const { config, manifest } = project.image('top');
      expect(config.config).toMatchObject({ Labels: { l: 'one' }, Entrypoint: ['/e', 'x'], Cmd: ['c'] });
      expect(config.config?.Env?.[0]).toBe('A=1');
      expect(manifest.annotations).toMatchObject({ 'org.one': '1' });
      const made = config.history?.filter(entry => !entry.empty_layer).map(entry => entry.created_by);
      expect(made?.slice(1)).toEqual(['stacker build of one', 'stacker build of top']);
    });

    it('is emitted itself when it is no longer build_only, with the same content', async () => {
      const project = workspace.project();
      const file = (build_only: boolean) => ({
        one: { from: busybox, run: 'touch -d @1600000000 /one /', build_only },
        top: { from: built('one'), run: 'touch -d @1600000000 /top /' },
      });
      await project.build(file(true));
      expect(project.tags()).toEqual(['top']);
      const before = project.image('top').layers;
      const { stdout } = await project.build(file(false));
      expect(stdout).toBe('');
      expect(project.tags()).toEqual(['one', 'top']);
      expect(project.image('top').layers).toEqual(before);
      expect(project.image('one').layers).toEqual(before.slice(0, 2));
    });
  });

  describe('with one layer several times in an image', () => {
    it('mounts and emits it as often as it is there', async () => {
      const project = workspace.project();
      project.write('o1/d/f', 'same');
      project.write('o2/d/f', 'other');
      const overlay_dirs = ['o1', 'o2', 'o1'].map(source => ({ source, dest: '/o' }));
      await project.build({ one: { from: busybox, overlay_dirs, run: 'cat /o/d/f >/seen; rm /o/d/f' } });
      const { layers } = project.image('one');
      expect(layers).toHaveLength(5);
      expect(layers[1]).toBe(layers[3]);
      expect(await project.fileOf('one', 'seen')).toBe('same');
      expect(await pathsBelow(project, 'one', 'o')).toEqual(['o', 'o/d']);
    });

    it('takes a base that has it', async () => {
      const project = workspace.project();
      const layout = project.at('base');
      const image = ['--image', `${layout}:twice`];
      mkdirSync(project.at('empty'));
      packTar(project.at('empty'), project.at('empty.tar'));
      umoci('init', '--layout', layout);
      umoci('new', ...image);
      for (const tar of [busyboxRoot(workspace.path), project.at('empty.tar'), project.at('empty.tar')])
        umoci('raw', 'add-layer', ...image, tar);
      await project.build({ one: { from: { type: 'oci', url: 'base:twice' }, run: 'touch /one' } });
      expect(project.image('one').layers).toHaveLength(4);
      expect(await pathsBelow(project, 'one', 'one')).toEqual(['one']);
    });
  });

  describe('with prerequisites', () => {
    it('reads each file of a diamond once, relative to itself, and builds each layer once', async () => {
      const project = workspace.project();
      mkdirSync(project.at('log'));
      const file = (directory: string, prerequisites: readonly string[], layers: object) => {
        project.write(`${directory}/own`, directory);
        const text = JSON.stringify({ config: { prerequisites }, ...layers });
        project.write(`${directory}/stacker.yaml`, text);
      };
      // What builds tells so in a directory of the host, which all of them bind.
      const layer = (from: object, imports: readonly string[]) => ({
        from,
        imports: ['own', ...imports],
        binds: ['../log -> /log'],
        run: 'cat /stacker/imports/own >/own; echo $STACKER_LAYER_NAME >>/log/built',
      });
      file('bottom', [], { bottom: layer(busybox, []) });
      file('left', ['../bottom/stacker.yaml'], { left: layer(built('bottom'), []) });
      file('right', [project.at('bottom/stacker.yaml')], {
        right: layer(built('bottom'), ['stacker://bottom/own']),
      });
      file('top', ['../right/stacker.yaml', '../left/stacker.yaml'], {
        top: layer(built('left'), ['stacker://right/own', 'stacker://bottom/bin/busybox']),
      });
      await project.ashlar(['build', '-f', 'top/stacker.yaml']);
      expect(linesOf(project.at('log/built'))).toEqual(['bottom', 'left', 'right', 'top']);
      expect(project.tags()).toEqual(['bottom', 'left', 'right', 'top']);
      expect(await project.fileOf('left', 'own')).toBe('left');
    });

    it('shows with --order-only what is built when and why, and builds nothing', async () => {
      const project = workspace.project();
      const one = '{from: {type: scratch}}\n';
      project.write('a/stacker.yaml', `a: ${one}`);
      project.write('b/stacker.yaml', `config: {prerequisites: [../a/stacker.yaml]}\nb: ${one}`);
      project.write('c.yaml', `config: {prerequisites: [b/stacker.yaml, a/stacker.yaml]}\nc: ${one}`);
      const { status, stdout, stderr } = await project.ashlar(['build', '-f', 'c.yaml', '--order-only']);
      const [a, b, c] = ['a/stacker.yaml', 'b/stacker.yaml', 'c.yaml'].map(name => project.at(name));
      const lines = (stdout + stderr).trimEnd().split('\n');
      expect(lines.slice(-4)).toEqual([
        'stacker build order:',
        `0 build ${a}: requires: []`,
        `1 build ${b}: requires: [${a}]`,
        `2 build ${c}: requires: [${b} ${a}]`,
      ]);
      expect(status).toBe(0);
      expect(project.hasLayout()).toBe(false);
    });

    it('refuses itself, circles and what is not there', async () => {
      const project = workspace.project();
      const text = (...files: readonly string[]) => JSON.stringify({ config: { prerequisites: files } });
      project.write('self.yaml', text('self.yaml'));
      project.write('a.yaml', text('b.yaml'));
      project.write('b.yaml', text('c.yaml'));
      project.write('c.yaml', text('a.yaml'));
      project.write('missing.yaml', text('none.yaml'));
      const build = async (file: string) => failureOf(await project.ashlar(['build', '-f', file]));
      expect(await build('self.yaml')).toContain('error: edge to self is not allowed\n');
      expect(await build('a.yaml')).toMatch(/^error: edge from \/.*\.yaml to \/.*\.yaml makes a cycle\n/);
      expect(await build('missing.yaml')).toContain(
        `error: couldn't find prerequisite ${project.at('none.yaml')}\n`,
      );
      expect(project.hasLayout()).toBe(false);
    });
  });

  it('builds layers in the order of the file, except that one waits for what it is made from', async () => {
    const project = workspace.project();
    const { stderr } = await project.build({
      z: { from: built('m'), imports: [{ path: 'stacker://b/bin/busybox', dest: '/z' }] },
      m: { from: scratch },
      b: { from: busybox },
      a: { from: scratch },
    });
    expect(project.tags()).toEqual(['m', 'b', 'a', 'z']);
    const closing = stderr.matchAll(/^(?:filesystem (.*) built successfully|found cached layer (.*))$/gm);
    expect([...closing].map(([, made, found]) => made ?? found)).toEqual(['m', 'b', 'a', 'z']);
    expect(stderr).toMatch(/filesystem z built successfully\n$/);
  });

  it('names what each layer waits for in vain', async () => {
    const project = workspace.project();
    const ended = await project.tryBuild({
      fine: { from: scratch },
      one: { from: built('none'), imports: ['stacker://lost/f', { path: 'stacker://fine/f', dest: '/' }] },
      two: { from: { type: 'tar', url: 'stacker://one/x.tar' } },
    });
    expect(failureOf(ended)).toContain("error: couldn't resolve some dependencies\n");
    expect(ended.stderr).toContain("couldn't find dependencies for one: base layer none, stacker://lost/f (");
    expect(ended.stderr).toContain("couldn't find dependencies for two: stacker://one/x.tar (");
    expect(project.hasLayout()).toBe(false);
  });
});
