import { join } from 'node:path';
import { expect, it } from 'vitest';
import { changedPaths, rememberListing } from '../../../src/engine/sources/listings.ts';
import { Database } from '../../../src/engine/store/database.ts';
import { scratch } from '../../layers/support.ts';

it('listings tell what is new, gone or different in a directory, if both states were seen', () => {
  using database = new Database(join(scratch(), 'index.db'));
  const entries = (paths: Readonly<Record<string, string>>) =>
    Object.entries(paths).map(([path, description]) => ({ path, description }));
  rememberListing('1', entries({ '': 'd', same: 'x', gone: 'x', 'sub/other': '1' }), database);
  rememberListing('2', entries({ '': 'd', same: 'x', new: 'x', 'sub/other': '2' }), database);
  // Known already: what is said of it now does not count.
  rememberListing('2', entries({ '': 'd' }), database);
  expect(changedPaths('1', '2', database)).toEqual(['gone', 'new', 'sub/other']);
  expect(changedPaths('1', '1', database)).toEqual([]);
  expect(changedPaths('1', 'never seen', database)).toBeUndefined();
});
