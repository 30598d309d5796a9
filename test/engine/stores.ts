/** Stores for tests of what a build looks up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { LookContext } from '../../src/engine/context.ts';
import { Store } from '../../src/engine/store/store.ts';

export interface Stored {
  /** Of the test, for its files. */
  readonly directory: string;
  readonly store: Store;
  /** Another build with this store. Nothing else of it is asked for. */
  readonly build: () => LookContext;
}

/** A new store for each test; what is given holds while one runs. */
export function useStore(): Stored {
  let directory = '';
  let store: Store;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-store-'));
    store = new Store(join(directory, 'store'));
  });
  afterEach(() => {
    store[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });
  return {
    get directory() {
      return directory;
    },
    get store() {
      return store;
    },
    build: () =>
      ({ store, signal: new AbortController().signal, shared: new Map() }) as unknown as LookContext,
  };
}
