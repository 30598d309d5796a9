import { describe, expect, it } from 'vitest';
import { failure, load } from './load.ts';

const file = (layers: string, ...prerequisites: readonly string[]) =>
  `config: {prerequisites: ${JSON.stringify(prerequisites)}}\n${layers}\n`;
const layer = (name: string) => `${name}: {from: {type: scratch}}`;

describe('prerequisites', () => {
  it('are built first, and their layers may be used', async () => {
    const { plan, order, directory } = await load(
      {
        'folder1/stacker.yaml': file(
          'one: {from: {type: built, tag: two}, imports: [stacker://three/x]}',
          '../folder2/stacker.yaml',
          '../folder3/stacker.yaml',
        ),
        'folder2/stacker.yaml': layer('two'),
        'folder3/stacker.yaml': layer('three'),
      },
      { files: ['folder1/stacker.yaml'] },
    );
    expect(plan.images.map(({ name }) => name)).toEqual(['two', 'three', 'one']);
    expect(order).toEqual([
      { path: `${directory}/folder2/stacker.yaml`, requires: [], images: ['two'] },
      { path: `${directory}/folder3/stacker.yaml`, requires: [], images: ['three'] },
      {
        path: `${directory}/folder1/stacker.yaml`,
        typed: 'folder1/stacker.yaml',
        requires: [`${directory}/folder2/stacker.yaml`, `${directory}/folder3/stacker.yaml`],
        images: ['one'],
      },
    ]);
  });

  it('are read once when several files need them, and theirs may be used too', async () => {
    const { order, debug, plan } = await load(
      {
        'top.yaml': file(
          'top: {from: {type: built, tag: bottom}, labels: {k: $K}}',
          'left.yaml',
          'right.yaml',
        ),
        'left.yaml': file(layer('left'), 'bottom.yaml'),
        'right.yaml': file(layer('right'), './bottom.yaml'),
        'bottom.yaml': layer('bottom'),
      },
      { files: ['top.yaml'], substitutions: ['K=v'] },
    );
    expect(order.map(({ images }) => images)).toEqual([['bottom'], ['left'], ['right'], ['top']]);
    expect(debug.filter(line => line === 'substitution: "K=v" was NOT used')).toHaveLength(3);
    expect(plan.images.at(-1)?.config.labels).toEqual({ k: 'v' });
  });

  it('need not have been named by the user, and a file named twice counts once', async () => {
    const files = { 'a.yaml': file(layer('a'), 'b.yaml'), 'b.yaml': layer('b') };
    const { order } = await load(files, { files: ['a.yaml', 'b.yaml', './a.yaml'] });
    expect(order.map(({ typed }) => typed)).toEqual(['b.yaml', 'a.yaml']);
  });

  it('are warned about when something else stands in config', async () => {
    const { warnings } = await load('config:\n  prerequisites:\n  from: {type: scratch}\n');
    expect(warnings).toMatchObject([
      { message: "unknown key 'from' in the 'config' section is ignored", at: { line: 3 } },
    ]);
  });

  it('that are missing are named at their place', async () => {
    const { error, directory } = await failure({ 'stacker.yaml': file(layer('a'), 'none.yaml') });
    expect(error.message).toBe(`couldn't find prerequisite ${directory}/none.yaml`);
    expect(error.at).toMatchObject({ line: 1, column: 26, length: 11 });
  });

  it('cannot be the file itself', async () => {
    const { error } = await failure(file(layer('a'), './stacker.yaml'));
    expect(error.message).toBe('edge to self is not allowed');
    expect(error.at?.line).toBe(1);
  });

  it('cannot need each other', async () => {
    const { error, directory } = await failure(
      {
        'a.yaml': file(layer('a'), 'b.yaml'),
        'b.yaml': file(layer('b'), 'c.yaml'),
        'c.yaml': file(layer('c'), 'b.yaml'),
      },
      { files: ['a.yaml'] },
    );
    expect(error.message).toBe(`edge from ${directory}/c.yaml to ${directory}/b.yaml makes a cycle`);
    expect(error.at).toMatchObject({ file: `${directory}/c.yaml` });
  });

  it('are what a layer of another file must be reached through', async () => {
    const files = { 'a.yaml': layer('a'), 'b.yaml': 'b: {from: {type: built, tag: a}}' };
    const { error } = await failure(files, { files: ['a.yaml', 'b.yaml'] });
    expect(error.message).toBe("couldn't resolve some dependencies");
    expect(error.hint).toBe('layer "a" is in a.yaml: name that file in config.prerequisites');
  });
});

describe('several files', () => {
  it('are built in the order of their absolute paths', async () => {
    const { order } = await load(
      {
        'c/stacker.yaml': layer('c'),
        'a/stacker.yaml': layer('a'),
        'b/stacker.yaml': file(layer('b'), '../c/stacker.yaml'),
      },
      { files: ['c/stacker.yaml', 'b/stacker.yaml', 'a/stacker.yaml'] },
    );
    expect(order.map(({ images }) => images[0])).toEqual(['a', 'c', 'b']);
  });

  it('keep their text for themselves when they are asked to', async () => {
    const { plan } = await load(layer('a'), { storeText: false });
    expect(plan.images[0]?.annotations).toEqual({ 'io.stackeroci.stacker.stacker_version': '1.2.3' });
  });

  it('each have their own text in their annotations', async () => {
    const files = { 'a.yaml': layer('a'), 'b.yaml': layer('b') };
    const { plan } = await load(files, { files: ['a.yaml', 'b.yaml'] });
    expect(plan.images.map(({ annotations }) => annotations['io.stackeroci.stacker.stacker_yaml'])).toEqual([
      layer('a'),
      layer('b'),
    ]);
  });
});

describe('the plan', () => {
  it('is plain data, the same every time', async () => {
    const text =
      'a:\n  from: {type: docker, url: "docker://a:1"}\n  imports: [x, {path: z, dest: /z, mode: 0755}]\n' +
      '  run: x\n  binds: [/a]\n  environment: {A: 1}\n  cmd: x\nb: {from: {type: built, tag: a}, overlay_dirs: [{source: /a}]}\n';
    const plans = [];
    for (let i = 0; i < 2; i++) {
      const { plan, directory } = await load(text);
      const json = JSON.stringify(plan);
      expect(JSON.parse(json)).toEqual(plan);
      plans.push(json.replaceAll(directory, ''));
    }
    expect(plans[0]).toBe(plans[1]);
  });
});
