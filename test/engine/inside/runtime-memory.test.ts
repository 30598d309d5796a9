import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { probeRuntime } from '../../../src/sandbox/index.ts';

vi.mock('../../../src/sandbox/index.ts', () => ({
  probeRuntime: vi.fn(async () => ({ runtime: 'runc', refusals: [] })),
}));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-runtime-'));
  vi.resetModules();
  vi.mocked(probeRuntime).mockClear();
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What a process does that chooses a runtime for some steps at once. */
async function choose(...steps: readonly string[]): Promise<readonly string[]> {
  const { chooseRuntime } = await import('../../../src/engine/inside/runtime-memory.ts');
  const memory = join(directory, 'runtime.json');
  return Promise.all(
    steps.map(step => {
      mkdirSync(join(directory, step), { recursive: true });
      return chooseRuntime(undefined, memory, join(directory, step, 'probe'));
    }),
  );
}

describe('the runtime that works', () => {
  it('is found out once for all steps that begin at the same time', async () => {
    expect(await choose('one', 'two', 'three')).toEqual(['runc', 'runc', 'runc']);
    expect(probeRuntime).toHaveBeenCalledTimes(1);
  });

  it('is remembered for the processes that follow', async () => {
    await choose('one');
    vi.resetModules();
    expect(await choose('two')).toEqual(['runc']);
    expect(probeRuntime).toHaveBeenCalledTimes(1);
    expect(JSON.parse(readFileSync(join(directory, 'runtime.json'), 'utf8'))).toMatchObject({
      runtime: 'runc',
    });
  });

  it('is written to a file that no other process writes to', async () => {
    // Where two processes would meet that made their files complete beside the memory.
    mkdirSync(join(directory, 'runtime.json.new'));
    expect(await choose('one')).toEqual(['runc']);
    expect(readdirSync(join(directory, 'one'))).toEqual([]);
  });
});
