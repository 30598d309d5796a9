import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MS, mount } from '../../src/linux/index.ts';
import { releaseMounts } from '../../src/sandbox/index.ts';
import { isRoot } from '../support/tools.ts';

describe.runIf(isRoot)('releaseMounts', () => {
  it('unmounts nested binds, also at names with spaces, so that removing does not reach the host', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ashlar-release-'));
    const [precious, scratch] = [join(directory, 'precious'), join(directory, 'scratch')];
    for (const path of [precious, join(precious, 'sub'), scratch, join(scratch, 'a b')]) mkdirSync(path);
    writeFileSync(join(precious, 'file'), '');
    mount({ source: precious, target: join(scratch, 'a b'), flags: MS.BIND });
    mount({ source: precious, target: join(scratch, 'a b', 'sub'), flags: MS.BIND });
    symlinkSync(scratch, join(directory, 'link'));
    releaseMounts(join(directory, 'link'));
    rmSync(scratch, { recursive: true });
    expect(readdirSync(precious)).toEqual(['file', 'sub']);
    rmSync(directory, { recursive: true });
  });
});
