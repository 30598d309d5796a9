import { describe, expect, it } from 'vitest';
import { outputEntries, typesOfAll } from '../../src/engine/output-entries.ts';
import type { LayerType } from '../../src/engine/values.ts';
import type { ImagePlan } from '../../src/plan/types.ts';
import { imagePlan } from '../e2e/plans.ts';

const image = (name: string, rest: Partial<ImagePlan> = {}) => imagePlan(name, undefined, rest);
const arm = { os: 'linux', architecture: 'arm64' };

describe('the entries of the output', () => {
  it('are called as the images, in the order of the plan, once per type of layers', () => {
    const images = [image('b'), image('hidden', { emit: false }), image('a')];
    expect(outputEntries(images, ['tar', 'squashfs'])).toEqual([
      { tag: 'b', type: 'tar', images: ['b'] },
      { tag: 'b-squashfs', type: 'squashfs', images: ['b'] },
      { tag: 'a', type: 'tar', images: ['a'] },
      { tag: 'a-squashfs', type: 'squashfs', images: ['a'] },
    ]);
  });

  it('are those that the image asks for, and as many as the build wants of the usual ones', () => {
    const images = [
      image('a', { forms: ['erofs'] }),
      image('b', { forms: ['squashfs', 'usual'] }),
      image('hidden', { emit: false, forms: ['erofs'] }),
    ];
    const tags = (types: readonly LayerType[]) => outputEntries(images, types).map(({ tag }) => tag);
    expect(tags(['tar'])).toEqual(['a-erofs', 'b-squashfs', 'b']);
    expect(tags(['squashfs', 'tar'])).toEqual(['a-erofs', 'b-squashfs', 'b']);
    expect(typesOfAll(images, ['tar'])).toEqual(['erofs', 'squashfs', 'tar']);
  });

  it('have the names of the plan, each once', () => {
    const tags = ['some/app:12', 'some/app:latest', 'some/app:12'];
    const names = outputEntries([image('x', { tags })], ['tar']).map(({ tag }) => tag);
    expect(names).toEqual(['some/app:12', 'some/app:latest']);
  });

  it('come with the last of their images', () => {
    const tags = ['app'];
    const images = [image('one', { tags }), image('other'), image('two', { tags, platform: arm })];
    expect(outputEntries(images, ['tar'])).toEqual([
      { tag: 'other', type: 'tar', images: ['other'] },
      { tag: 'app', type: 'tar', images: ['one', 'two'] },
    ]);
  });

  it('cannot be two images for one platform', () => {
    const tags = ['app'];
    expect(() => outputEntries([image('one', { tags }), image('two', { tags })], ['tar'])).toThrow(
      'two images for linux/amd64 are called app',
    );
  });

  it.each(['', 'a b', 'a:', '/a', 'a//b', '../a'])('cannot be called "%s"', name => {
    expect(() => outputEntries([image('x', { tags: [name] })], ['tar'])).toThrow(
      `"${name}" cannot be the name of an image`,
    );
  });
});
