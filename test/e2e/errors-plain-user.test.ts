import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isRoot } from '../support/tools.ts';
import { useWorkspace } from './support.ts';

describe.skipIf(isRoot)('a clear error for a plain user', () => {
  const workspace = useWorkspace();

  it('about a file that this user may not read', async () => {
    const project = workspace.project('own');
    const text = 'one:\n  from: {type: scratch}\n  imports: [{path: /etc/shadow, dest: /x}]\n';
    const failure = await project.failure(text);
    expect(failure.split('\n')[0]).toMatch(/^error: .*\/etc\/shadow/);
    expect(failure).toContain('--> stacker.yaml:3:20\n');
    expect(failure).toContain('\nhint: look at owner and mode of it');
    await project.build({ fine: { from: { type: 'scratch' } } });
  });

  it('about an output that is read-only', async () => {
    const project = workspace.project('own');
    mkdirSync(project.oci, { mode: 0o500 });
    const failure = await project.failure({ one: { from: { type: 'scratch' } } });
    expect(failure).toContain(project.oci);
  });
});
