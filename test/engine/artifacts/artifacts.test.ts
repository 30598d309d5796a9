import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LookContext } from '../../../src/engine/context.ts';
import type { BuildEvent } from '../../../src/engine/events.ts';
import {
  addArtifact,
  clearArtifacts,
  collectGarbage,
  type FetchOptions,
  listArtifacts,
  removeArtifact,
} from '../../../src/engine/index.ts';
import { resolveSource } from '../../../src/engine/sources/sources.ts';
import { Store } from '../../../src/engine/store/store.ts';
import type { Checksums, KeptSource } from '../../../src/plan/types.ts';
import { cut, serve } from '../../support/http-server.ts';

const sum = (algorithm: string, content: string | Uint8Array) =>
  createHash(algorithm).update(content).digest('hex');
const sums = (content: string | Uint8Array) => ({
  sha512: sum('sha512', content),
  sha256: sum('sha256', content),
  sha1: sum('sha1', content),
  md5: sum('md5', content),
});

let directory: string;
let options: { readonly store: string; readonly fetch: FetchOptions };
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-artifacts-'));
  options = { store: join(directory, 'store'), fetch: { cekitCache: join(directory, 'cekit', 'cache') } };
});
afterEach(() => rmSync(directory, { recursive: true }));

const add = (location: string, checksums: Checksums) =>
  addArtifact({ location, checksums }, options, new AbortController().signal);

function write(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

/** As CEKit writes it. */
function putIntoCekitCache(uuid: string, content: string, checksums: Checksums): void {
  const cache = join(directory, 'cekit', 'cache');
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, uuid), content);
  const lines = Object.entries(checksums).map(([algorithm, value]) => `${algorithm}: ${value}\n`);
  writeFileSync(join(cache, `${uuid}.yaml`), `cached_path: ${uuid}\n${lines.join('')}names:\n- some.jar\n`);
}

/** The content that a build would find. */
async function find(checksums: Checksums, events: BuildEvent[] = []): Promise<string> {
  using store = new Store(options.store);
  const context = {
    store,
    options: { fetch: options.fetch },
    signal: new AbortController().signal,
    shared: new Map(),
    emit: (event: BuildEvent) => void events.push(event),
  } as unknown as LookContext;
  const at = { file: 'image.yaml', line: 1, column: 1 };
  const source: KeptSource = { kind: 'kept', name: 'x', checksums, at };
  const location = await (await resolveSource(source, 'image', context)).locate();
  if (location.kind !== 'host') throw new Error('not a file of the host');
  return readFileSync(location.path, 'utf8');
}

const collect = () =>
  collectGarbage(
    { store: options.store, olderThan: 0, all: true, dryRun: false },
    () => {},
    new AbortController().signal,
  );

describe('artifacts that are added by hand', () => {
  it('are found by each of their checksums, whichever they were added with', async () => {
    const uuid = await add(write('a.jar', 'content'), { md5: sum('md5', 'content') });
    expect(uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(listArtifacts(options)).toEqual([
      { uuid, names: ['a.jar'], checksums: sums('content'), ofCekit: false },
    ]);
    for (const [algorithm, value] of Object.entries(sums('content')))
      expect(await find({ [algorithm]: value })).toBe('content');
  });

  it('are refused when any checksum is wrong, and leave nothing behind', async () => {
    const path = write('a.jar', 'content');
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'] as const) {
      const wrong = sum(algorithm, 'other');
      await expect(add(path, { ...sums('content'), [algorithm]: wrong })).rejects.toMatchObject({
        message: 'Artifact checksum verification failed!',
        cause: {
          message: `The ${algorithm} computed for the '${path}' file ('${sum(algorithm, 'content')}') doesn't match the '${wrong}' value`,
        },
      });
    }
    expect(listArtifacts(options)).toEqual([]);
    expect(readdirSync(join(options.store, 'blobs', 'sha256'))).toEqual([]);
    expect(readdirSync(join(options.store, 'tmp'))).toEqual([]);
  });

  it('are added once', async () => {
    const path = write('a.jar', 'content');
    await add(path, { md5: sum('md5', 'content') });
    expect(await add(path, { sha512: sum('sha512', 'content') })).toBeUndefined();
    expect(listArtifacts(options)).toHaveLength(1);
  });

  it('come by address too, and broken connections leave nothing behind', async () => {
    let broken = true;
    await using server = await serve((_, response) => {
      if (broken) cut(response, 200, { 'content-length': '7' }, Buffer.from('con'));
      else response.end('content');
    });
    const address = `${server.url}/dir/a.jar`;
    const controller = new AbortController();
    const adding = addArtifact({ location: address, checksums: sums('content') }, options, controller.signal);
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(adding).rejects.toThrow('enough');
    expect(listArtifacts(options)).toEqual([]);
    expect(readdirSync(join(options.store, 'tmp'))).toEqual([]);
    broken = false;
    await add(address, { sha1: sum('sha1', 'content') });
    await add(`file://${write('b.jar', 'other')}`, { sha1: sum('sha1', 'other') });
    const names = listArtifacts(options).flatMap(({ names }) => names);
    expect(names.sort()).toEqual(['a.jar', 'b.jar']);
  });

  it('must be files that are there', async () => {
    await expect(add(directory, sums(''))).rejects.toThrow(`${directory} is not a file`);
    await expect(add(join(directory, 'none'), sums(''))).rejects.toThrow('none is not a file');
    await expect(add('http://:8x', sums(''))).rejects.toThrow('"http://:8x" is not an address');
    for (const address of ['file://elsewhere/a', 'file:///a%2Fb'])
      await expect(add(address, sums(''))).rejects.toThrow('that is not the address of a file');
    await using server = await serve((_, response) => void response.writeHead(404).end());
    await expect(add(`${server.url}/a`, sums(''))).rejects.toThrow(
      `couldn't download ${server.url}/a: 404 Not Found`,
    );
  });

  it('survive gc, even of everything, and an index that is begun anew', async () => {
    await add(write('a.jar', 'content'), sums('content'));
    await collect();
    for (const name of readdirSync(options.store).filter(name => name.startsWith('index.db')))
      rmSync(join(options.store, name));
    expect(await find({ sha1: sum('sha1', 'content') })).toBe('content');
  });

  it('may be removed while somebody looks for others', async () => {
    await add(write('a.jar', 'content'), sums('content'));
    // As a name that was listed, and then is gone.
    symlinkSync('nowhere', join(options.store, 'artifacts', 'gone.json'));
    expect(listArtifacts(options)).toHaveLength(1);
  });

  it('are gone when they are removed, and their bytes with the next gc', async () => {
    const uuid = (await add(write('a.jar', 'content'), sums('content'))) ?? '';
    await add(write('b.jar', 'other'), sums('other'));
    expect(removeArtifact('../../index.db', options)).toBe(false);
    expect(removeArtifact(uuid, options)).toBe(true);
    expect(removeArtifact(uuid, options)).toBe(false);
    await expect(find({ md5: sum('md5', 'content') })).rejects.toThrow('Artifact x could not be found');
    clearArtifacts(options);
    expect(listArtifacts(options)).toEqual([]);
    expect((await collect()).removed).toHaveLength(2);
    expect(readdirSync(join(options.store, 'blobs', 'sha256'))).toEqual([]);
  });
});

describe("CEKit's own cache", () => {
  const uuid = '0f9a3a3e-8f55-4d5c-9b3a-6a4fb5a0a001';

  it('is read beside, and never written', async () => {
    putIntoCekitCache(uuid, 'content', sums('content'));
    expect(listArtifacts(options)).toEqual([
      { uuid, names: ['some.jar'], checksums: sums('content'), ofCekit: true },
    ]);
    expect(await find({ md5: sum('md5', 'content') })).toBe('content');
    expect(await add(write('a.jar', 'content'), sums('content'))).toBeUndefined();
    expect(() => removeArtifact(uuid, options)).toThrow(`the artifact ${uuid} is in CEKit's own cache`);
    clearArtifacts(options);
    expect(existsSync(join(directory, 'cekit', 'cache', uuid))).toBe(true);
  });

  it('is not believed: a file that is not what it says is not used', async () => {
    putIntoCekitCache(uuid, 'damaged', sums('content'));
    const events: BuildEvent[] = [];
    await expect(find({ sha256: sum('sha256', 'content') }, events)).rejects.toThrow('could not be found');
    expect(events).toContainEqual(expect.objectContaining({ level: 'warning' }));
  });

  it('may have entries that nobody can read', async () => {
    putIntoCekitCache(uuid, 'content', sums('content'));
    const cache = join(directory, 'cekit', 'cache');
    writeFileSync(join(cache, 'a.yaml'), ': [');
    writeFileSync(join(cache, 'b.yaml'), 'names: [x]\n');
    writeFileSync(join(cache, 'c'), 'x');
    writeFileSync(join(cache, 'c.yaml'), '- 1\n');
    writeFileSync(join(cache, 'd'), 'x');
    mkdirSync(join(cache, 'd.yaml'));
    writeFileSync(join(cache, 'e'), 'x');
    symlinkSync('nowhere', join(cache, 'e.yaml'));
    expect(listArtifacts(options).map(({ uuid }) => uuid)).toEqual([uuid, 'c']);
  });
});
