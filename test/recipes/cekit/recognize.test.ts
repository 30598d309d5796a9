import { describe, expect, it } from 'vitest';
import { isDescriptor } from '../../../src/recipes/cekit/index.ts';

describe('a CEKit descriptor', () => {
  it.each([
    'name: app\nversion: 1.0\nfrom: scratch\n',
    '{"from": "x", "version": "1", "name": "app"}',
    '- name: builder\n  version: 1\n- name: app\n  version: 1\n',
    '- 5\n',
    'version: 1\nlabels: 5\n',
  ])('is %j, right or not', text => {
    expect(isDescriptor(text)).toBe(true);
  });

  it.each([
    'name:\n  from: {type: scratch}\nversion:\n  from: {type: scratch}\n',
    'app:\n  from: {type: scratch}\n  name: app\n',
    'name:\nversion: ~\n',
    '',
    'name: [\n',
  ])('is not %j', text => {
    expect(isDescriptor(text)).toBe(false);
  });
});
