import { describe, expect, it } from 'vitest';
import { failure, load } from './load.ts';

const scratch = '{from: {type: scratch}}';

async function waitsFor(
  text: string,
  options: Parameters<typeof load>[1] = {},
): Promise<Record<string, readonly string[]>> {
  const { plan } = await load(text, options);
  return Object.fromEntries(plan.images.map(image => [image.name, image.after]));
}

describe('the order of layers', () => {
  it('is that of the file, except that a layer waits for what it is made from', async () => {
    const { plan, order } = await load(
      'd: {from: {type: tar, url: stacker://c/x.tar}}\n' +
        'a: {from: {type: built, tag: b}}\n' +
        `e: ${scratch}\n` +
        `b: {from: {type: scratch}, imports: [{path: stacker://e/y, dest: /y}]}\n` +
        'c: {from: {type: scratch}, imports: [stacker://a/x]}\n',
    );
    const names = plan.images.map(({ name }) => name);
    // Pass by pass, as stacker goes over the file: e and b, then a and c, then d.
    expect(names).toEqual(['e', 'b', 'a', 'c', 'd']);
    expect(order).toMatchObject([{ typed: 'stacker.yaml', requires: [], images: names }]);
  });

  it('cannot be found when layers wait for what is not there', async () => {
    const { error, warnings } = await failure(
      `ok: ${scratch}\n` +
        'a: {from: {type: built, tag: okk}, imports: [stacker://ok/x, stacker://x/a, stacker://x/b]}\n' +
        'b: {from: {type: built, tag: a}}\n',
    );
    expect(warnings.map(({ message }) => message)).toEqual([
      "couldn't find dependencies for a: base layer okk, stacker://x/a, stacker://x/b",
      "couldn't find dependencies for b: base layer a",
    ]);
    expect(warnings.map(({ at }) => at?.line)).toEqual([2, 3]);
    expect(error.at).toMatchObject({ line: 2, column: 30, length: 3 });
    expect(error.message).toBe("couldn't resolve some dependencies");
    expect(error.hint).toBe('did you mean "ok"?');
  });

  it('names a layer that an import was probably meant to name', async () => {
    const { error } = await failure(
      `builder: ${scratch}\na: {from: {type: scratch}, imports: [\n  {path: stacker://bulider/x, dest: /x}]}\n`,
    );
    expect(error.hint).toBe('did you mean "builder"?');
    expect(error.at).toMatchObject({ line: 3, column: 10, length: 19 });
  });

  it.each([
    ['a: {from: {type: built, tag: a}}', ['base layer a']],
    [
      'a: {from: {type: built, tag: b}}\nb: {from: {type: scratch}, imports: [stacker://a/x]}',
      ['base layer b', 'stacker://a/x'],
    ],
  ])('cannot be found when layers wait for each other: %s', async (text, missing) => {
    const { error, warnings } = await failure(text);
    expect(warnings.map(({ message }) => message.replace(/.*: /, ''))).toEqual(missing);
    expect(error.message).toBe("couldn't resolve some dependencies");
    expect(error.hint).toBe('these layers wait for each other');
  });
});

describe('layers that use one place of the host', () => {
  const layers = (first: string, second: string) =>
    `a: {from: {type: scratch}, run: x, ${first}}\nb: {from: {type: scratch}, run: x, ${second}}\n`;

  it.each([
    ['binds: [/x -> /y]', 'overlay_dirs: [{source: /x}]'],
    ['binds: [/x -> /y]', 'overlay_dirs: [{source: /x/sub}]'],
    ['binds: [/x/sub]', 'imports: [/x]'],
    ['binds: [/x]', 'imports: [{path: /x/f, dest: /f}]'],
    ['binds: [/x]', 'binds: [/x/y]'],
    ['binds: [/]', 'imports: [/x]'],
    ['imports: [/x]', 'binds: [/x]'],
    ['overlay_dirs: [{source: /x}]', 'binds: [/x/y]'],
  ])('keep their order when one of them may write it: %s, %s', async (first, second) => {
    expect(await waitsFor(layers(first, second))).toEqual({ a: [], b: ['a'] });
  });

  it('keep their order when the later one is based on an archive that the earlier one writes', async () => {
    const text = 'a: {from: {type: scratch}, run: x, binds: [out]}\nb: {from: {type: tar, url: out/x.tar}}\n';
    expect(await waitsFor(text)).toEqual({ a: [], b: ['a'] });
  });

  it.each([
    ['imports: [/x]', 'imports: [/x]'],
    ['imports: [/x]', 'overlay_dirs: [{source: /x}]'],
    ['binds: [/x]', 'imports: [/xy]'],
    ['binds: [/x]', 'binds: [/y -> /x]'],
  ])('are independent otherwise: %s, %s', async (first, second) => {
    expect(await waitsFor(layers(first, second))).toEqual({ a: [], b: [] });
  });

  it('keep the order in which they are built, not that of the text', async () => {
    const text =
      'a: {from: {type: built, tag: c}, run: x, binds: [/x]}\n' +
      'b: {from: {type: scratch}, run: x, binds: [/x]}\n' +
      `c: ${scratch}\n`;
    expect(await waitsFor(text)).toEqual({ b: [], c: [], a: ['b'] });
  });

  it('keep their order across files', async () => {
    const files = {
      'a.yaml': 'a: {from: {type: scratch}, overlay_dirs: [{source: x}]}',
      'b.yaml': 'b: {from: {type: scratch}, run: x, binds: [x]}',
    };
    const { plan } = await load(files, { files: ['b.yaml', 'a.yaml'] });
    expect(plan.images.map(image => [image.name, image.after])).toEqual([
      ['a', []],
      ['b', ['a']],
    ]);
  });
});

describe('a base in the output layout', () => {
  it('waits for the layer of this build that it names', async () => {
    const text =
      `a: ${scratch}\n` +
      'b: {from: {type: oci, url: "oci:a"}}\n' +
      'c: {from: {type: docker, url: "oci:oci:a-squashfs"}}\n' +
      'd: {from: {type: oci, url: "other:a"}}\n' +
      'e: {from: {type: oci, url: "oci:e"}}\n';
    expect(await waitsFor(text, directory => ({ ociDir: `${directory}/oci` }))).toEqual({
      a: [],
      b: ['a'],
      c: ['a'],
      d: [],
      e: [],
    });
  });
});

describe('a path of the host', () => {
  it.each([
    ['imports: ["$STACKER_ROOTFS_DIR/a/overlay/f"]', ['a']],
    ['overlay_dirs: [{source: "$STACKER_ROOTFS_DIR/a/overlay"}]', ['a']],
    ['imports: [{path: "${{STACKER_STACKER_DIR}}/imports/a/f", dest: /}]', ['a']],
    ['run: x, binds: ["$STACKER_ROOTFS_DIR/a -> /a"]', ['a']],
    ['imports: ["$STACKER_ROOTFS_DIR/ab/overlay/f"]', []],
    ['run: x, binds: ["$STACKER_ROOTFS_DIR"]', []],
  ])('that is a tree of another layer waits for it: %s', async (directives, after) => {
    const text = `a: ${scratch}\nb: {from: {type: scratch}, ${directives}}\n`;
    expect(await waitsFor(text)).toEqual({ a: [], b: after });
  });
});

describe('an import out of a bind mount of another layer', () => {
  const text = (path: string) =>
    'a: {from: {type: scratch}, run: x, binds: [/host -> /out]}\n' +
    `b: {from: {type: scratch}, imports: ["stacker://a${path}"]}\n`;

  it.each(['/out', '/out/file'])('is refused: %s', async path => {
    const { error } = await failure(text(path));
    expect(error.message).toBe(`${path} of layer a is in its bind mount /out`);
    expect(error.at).toMatchObject({ line: 2, column: 38 });
  });

  it('is no matter for its neighbours', async () => {
    expect((await load(text('/outside'))).plan.images).toHaveLength(2);
  });
});
