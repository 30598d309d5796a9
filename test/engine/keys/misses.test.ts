import { describe, expect, it } from 'vitest';
import type { ImageFacts, SourceFact } from '../../../src/engine/keys/history.ts';
import { missMessages } from '../../../src/engine/keys/misses.ts';

const overlay = (path: string, identity: string): SourceFact => ({
  role: 'overlay_dir',
  path,
  name: '/',
  type: 'directory',
  identity,
});

function facts(more: Partial<ImageFacts>): ImageFacts {
  return { definition: 'd', epoch: '', base: { name: 'b', identity: 'b' }, sources: [], ...more };
}

describe('cache misses', () => {
  const paths = () => ['', 'sub/f'];

  it('of several directories are told in full for two of them, for all with --debug', () => {
    const before = facts({ sources: ['/a', '/b/', '/c', '/d'].map(path => overlay(path, '1')) });
    const now = facts({ sources: ['/a', '/b/', '/c', '/d'].map(path => overlay(path, '2')) });
    const told = (...directories: string[]) =>
      directories.flatMap(path => [
        `Changed overlay_dir: ${path}`,
        'Contents that changed:',
        path,
        `${path.replace(/\/$/, '')}/sub/f`,
      ]);
    const first = 'cache miss because content of 4 overlay dirs changed:';
    expect(missMessages(before, now, paths, false)).toEqual([
      first,
      ...told('/a', '/b/'),
      'and 2 other overlay_dirs. use --debug for complete output',
    ]);
    expect(missMessages(before, now, paths, true)).toEqual([first, ...told('/a', '/b/', '/c', '/d')]);
  });

  it('have the first cause that there is: the description, the time, the base', () => {
    const now = facts({ sources: [overlay('/a', '2')] });
    const before = { ...now, base: { name: 'b', identity: 'other' } };
    expect(missMessages(before, now, paths, false)).toEqual(['cache miss because base layer was changed']);
    expect(missMessages({ ...before, epoch: '1' }, now, paths, false)).toEqual([
      'cache miss because SOURCE_DATE_EPOCH changed',
    ]);
    expect(missMessages({ ...before, epoch: '1', definition: 'x', sources: [] }, now, paths, false)).toEqual([
      'cache miss because layer definition was changed',
      'cache miss because of new overlay_dir: /a',
    ]);
  });

  it('have no cause where nothing differs', () => {
    expect(missMessages(facts({}), facts({}), paths, false)).toEqual([]);
  });
});
