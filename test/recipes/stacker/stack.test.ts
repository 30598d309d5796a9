import { describe, expect, it } from 'vitest';
import { nameOfBase } from '../../../src/plan/names.ts';
import type { ApplyStep, StackBase } from '../../../src/plan/types.ts';
import type { StackerOptions } from '../../../src/recipes/stacker/index.ts';
import { failure, load, loadLayer } from './load.ts';

const scratch = '{from: {type: scratch}}';

async function loadStack(directives: string): Promise<StackBase> {
  const { base } = await loadLayer(directives);
  if (base.kind !== 'stack') throw new Error(`the base is of kind ${base.kind}`);
  return base;
}

async function loadApplied(directives: string, options: Partial<StackerOptions> = {}): Promise<ApplyStep[]> {
  return (await loadLayer(directives, options)).steps.filter(step => step.kind === 'apply');
}

describe('a stack', () => {
  const parts = '[{type: oci, url: "dir:a"}, {type: tar, url: b.tar}]';

  it.each([
    `from: {type: stack}\nlayers: ${parts}`,
    `from: {type: stack, layers: ${parts}}`,
    `from: ${parts}`,
  ])('has the same parts in every form: %s', async directives => {
    const base = await loadStack(directives);
    expect(base).toMatchObject({
      parts: [
        { kind: 'image', reference: 'oci:/cwd/dir:a' },
        { kind: 'tar', source: { kind: 'file', path: '/cwd/b.tar' }, createdBy: 'stacker build of l' },
      ],
      conflicts: { policy: 'warn', paths: [] },
      libraryCache: 'regenerate',
      createdBy: 'stacker build of l',
    });
    expect(nameOfBase(base)).toBe('oci:/cwd/dir:a + /cwd/b.tar');
  });

  it('takes images of every kind, and nothing', async () => {
    const { plan } = await load(
      `a: ${scratch}\n` +
        'l:\n  from:\n    - {type: built, tag: a}\n    - {type: docker, url: "docker://b", insecure: true}\n' +
        '    - {type: scratch, url: stacker://a/c.tar}\n    - {type: scratch}\n',
    );
    expect(plan.images[1]?.base).toMatchObject({
      parts: [
        { kind: 'built', image: 'a' },
        { kind: 'image', reference: 'docker://b', insecure: true },
        { kind: 'tar', source: { kind: 'image', image: 'a', path: '/c.tar' } },
        { kind: 'scratch' },
      ],
    });
  });

  it.each([
    [`from: ${parts}\nconflicts: error`, { policy: 'error', paths: [] }],
    [`from: {type: stack, layers: ${parts}, conflicts: first}`, { policy: 'first', paths: [] }],
    [`from: {type: stack}\nlayers: ${parts}\nconflicts: last`, { policy: 'last', paths: [] }],
    [
      `from: ${parts}\nconflicts: {/etc/**: first, default: error, /etc/hosts: warn}`,
      {
        policy: 'error',
        paths: [
          { glob: '/etc/**', policy: 'first' },
          { glob: '/etc/hosts', policy: 'warn' },
        ],
      },
    ],
    [
      `from: ${parts}\nconflicts: {/srv/*: last}`,
      { policy: 'warn', paths: [{ glob: '/srv/*', policy: 'last' }] },
    ],
  ])('decides conflicts by policy: %s', async (directives, conflicts) => {
    expect((await loadStack(directives)).conflicts).toEqual(conflicts);
  });

  it.each([
    `from: ${parts}\nlibrary_cache: drop`,
    `from: {type: stack, layers: ${parts}, library_cache: drop}`,
  ])('may leave out the cache of libraries: %s', async directives => {
    expect((await loadStack(directives)).libraryCache).toBe('drop');
  });

  it('waits for its parts, and for what they are made of', async () => {
    const { plan } = await load(
      'l: {from: [{type: built, tag: a}, {type: tar, url: stacker://b/x.tar}]}\n' +
        `a: ${scratch}\nb: ${scratch}\n`,
    );
    expect(plan.images.map(({ name }) => name)).toEqual(['a', 'b', 'l']);
  });

  it('waits for a layer of the build that a part names by the output', async () => {
    const { plan } = await load(
      `a: ${scratch}\nb: ${scratch}\n` +
        'l: {from: [{type: built, tag: a}, {type: docker, url: "oci:/work/oci:b"}]}\n' +
        'm: {from: {type: scratch}, apply: ["oci:/work/oci:a-squashfs"]}\n',
    );
    expect(plan.images.map(({ after }) => after)).toEqual([[], [], ['b'], ['a']]);
  });

  it.each([
    ['from: [{type: built, tag: kernle}]', 'did you mean "kernel"?', 'base layer kernle'],
    ['from: [{type: built, tag: l}]', 'these layers wait for each other', 'base layer l'],
  ])('cannot be made of what is not there: %s', async (directives, hint, missing) => {
    const { error, warnings } = await failure(`kernel: ${scratch}\nl: {${directives}}\n`);
    expect(error.message).toBe("couldn't resolve some dependencies");
    expect(error.hint).toBe(hint);
    expect(error.at).toMatchObject({ line: 2 });
    expect(warnings.map(({ message }) => message)).toEqual([`couldn't find dependencies for l: ${missing}`]);
  });

  it.each([
    ['conflicts: frist', 'did you mean "first"?'],
    ['library_cache: regenrate', 'did you mean "regenerate"?'],
    ['conflicts: {defualt: last}', 'did you mean "default"?'],
    ['conflicts: {etc/**: last}', 'write it as /etc/**, or as /**/etc/** for every directory'],
    ['conflicst: last', 'did you mean "conflicts"?'],
  ])('tells what was probably meant by %s', async (directive, hint) => {
    const { error } = await failure(`l:\n  from: [{type: scratch}]\n  ${directive}\n`);
    expect(error.hint).toBe(hint);
  });
});

describe('apply', () => {
  it('adds images in the order of the list, after imports and before run', async () => {
    const { steps } = await loadLayer(
      'run: x\napply: ["docker://foo:latest", "oci:oci:foo"]\nimports: [{path: a, dest: /a}]\noverlay_dirs: [{source: b}]',
    );
    expect(steps).toMatchObject([
      { kind: 'copy' },
      { kind: 'copy' },
      { kind: 'apply', image: { reference: 'docker://foo:latest', insecure: false }, considerTimes: false },
      { kind: 'apply', image: { reference: 'oci:/cwd/oci:foo' }, createdBy: 'stacker build of l' },
      { kind: 'run' },
    ]);
  });

  it('names a registry without TLS in a map', async () => {
    const [step] = await loadApplied('apply: [{url: "docker://h:5000/a", insecure: true}]');
    expect(step?.image).toMatchObject({ reference: 'docker://h:5000/a', insecure: true });
  });

  it('considers times when asked to', async () => {
    const [step] = await loadApplied('apply: ["docker-daemon:a"]', { considerTimestamps: true });
    expect(step).toMatchObject({ considerTimes: true, image: { reference: 'docker-daemon:a:latest' } });
  });

  it('is nothing where the list is empty', async () => {
    expect(await loadApplied('apply: []')).toEqual([]);
    expect(await loadApplied('apply:')).toEqual([]);
  });
});
