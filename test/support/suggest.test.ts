import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../src/support/suggest.ts';

const names = ['from', 'imports', 'import', 'overlay_dirs', 'run', 'cmd'];

describe('did you mean', () => {
  it.each([
    ['form', 'from'],
    ['fron', 'from'],
    ['FROM', 'from'],
    ['importss', 'imports'],
    ['overlay-dirs', 'overlay_dirs'],
    ['overlaydir', 'overlay_dirs'],
    ['rn', 'run'],
  ])('%s: %s', (word, name) => {
    expect(didYouMean(word, names)).toBe(`did you mean "${name}"?`);
  });

  it.each(['something', 'x', 'frame', ''])('nothing like %j', word => {
    expect(didYouMean(word, names)).toBeUndefined();
  });
});
