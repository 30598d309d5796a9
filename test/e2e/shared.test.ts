import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { useWorkspace } from './support.ts';

describe.skipIf(!has('busybox'))('what several layers need at the same time', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  it('is downloaded once', async () => {
    await using server = await serve((_, response) => void response.end('content'));
    const from = { type: 'scratch' };
    const layer = { from, imports: [{ path: `${server.url}/file`, dest: '/file' }] };
    const project = workspace.project('own');
    await project.build({ a: layer, b: layer, c: layer, d: layer }, ['--jobs', '4']);
    expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
    expect(new Set(project.tags().flatMap(tag => project.image(tag).layers)).size).toBe(1);
  });

  it('is the same layer in all of them', async () => {
    const project = workspace.project('own');
    const steps = { from: busybox, imports: [{ path: 'stacker.yaml', dest: '/file' }] };
    await project.build({ a: steps, b: steps, c: steps }, ['--jobs', '3']);
    expect(project.tags().map(tag => project.image(tag).layers)).toEqual(
      Array(3).fill(project.image('a').layers),
    );
  });
});
