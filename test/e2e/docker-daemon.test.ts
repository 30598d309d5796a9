import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxLayout } from './roots.ts';
import { failureOf, output, useWorkspace } from './support.ts';

/** As much of a docker daemon as hands out one image: `name` is the content of an archive of docker-save(1). */
async function startDaemon(socket: string, name: string, archive: string): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    response.setHeader('Api-Version', '1.41');
    if (path.endsWith('/_ping')) response.end('OK');
    else if (/\/images\/get\?/.test(path) && path.includes(name)) createReadStream(archive).pipe(response);
    else {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: `no such image: ${path}` }));
    }
  });
  await new Promise<void>(resolve => void server.listen(socket, resolve));
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

describe.skipIf(!has('umoci', 'skopeo', 'busybox'))('an image of a docker daemon', () => {
  const workspace = useWorkspace();

  it('is a base like any other', async () => {
    const project = workspace.project();
    const layout = busyboxLayout(workspace.path);
    const archive = project.at('saved.tar');
    await output('skopeo', [
      ...['--insecure-policy', 'copy', `oci:${layout}:busybox`, `docker-archive:${archive}:tools/busybox:1`],
    ]);
    const socket = join(project.path, 'd.sock');
    const env = { DOCKER_HOST: `unix://${socket}` };
    await using _ = await startDaemon(socket, 'tools/busybox:1', archive);
    const from = { type: 'docker', url: 'docker-daemon:tools/busybox:1' };

    const { stderr } = await project.build({ one: { from, run: 'touch /new' } }, [], { env });
    expect(stderr).toContain('loading docker-daemon:tools/busybox:1\n');
    const { layers, config, names } = project.image('one');
    expect(layers).toHaveLength(2);
    expect(names(1)).toEqual(['/', 'new']);
    const saved = JSON.parse(
      await output('skopeo', ['inspect', '--config', '--raw', `docker-archive:${archive}`]),
    );
    expect(config.rootfs.diff_ids[0]).toBe(saved.rootfs.diff_ids[0]);

    const missing = { ...from, url: 'docker-daemon:tools/other' };
    const failure = failureOf(await project.tryBuild({ one: { from: missing } }, [], { env }));
    expect(failure).toContain("error: couldn't import base layer docker-daemon:tools/other:latest: ");
    expect(failure).toContain('--> stacker.yaml:');
    expect(failure).toContain('no such image');
  });
});
