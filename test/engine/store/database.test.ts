import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-index-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const OPENER = `
  import { Database } from ${JSON.stringify(pathToFileURL('src/engine/store/database.ts').href)};
  const [directory, start] = process.argv.slice(1);
  for (let i = 0; i < 40; i++) {
    while (Date.now() < Number(start) + i * 20);
    using database = new Database(directory + '/' + i);
    database.remember('bases', String(process.pid), i);
  }`;

describe('the index of the store', () => {
  it('is made by one of several processes that open it at the same moment, and all can use it', async () => {
    const start = Date.now() + 1000;
    const ended = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const args = ['--input-type=module', '-e', OPENER, directory, String(start)];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
        const [errors] = await Promise.all([text(child.stderr), once(child, 'close')]);
        return { status: child.exitCode, errors };
      }),
    );
    for (const { status, errors } of ended) expect(status, errors).toBe(0);
  });
});
