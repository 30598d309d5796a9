import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Artifact, Repository } from '../../../../src/recipes/cekit/model.ts';
import type { PlanOptions } from '../../../../src/recipes/cekit/plan/plan.ts';
import { AshlarError } from '../../../../src/support/errors.ts';
import { at, located, section } from '../stage.ts';
import { planned, plannedImage } from './planning.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-cekit-'));
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'file'), 'content');
mkdirSync(join(directory, 'tree'));

const common = { name: 'server', target: 'server.jar', dest: '/opt/', at } as const;
const warning =
  "Cekit is not able to fetch resource 'server' automatically. Please use cekit-cache command to add this artifact manually.";
const missing = "Error copying resource: 'server'. See logs for more info.";
const mismatch = 'Artifact checksum verification failed!';

async function itemOf(artifact: Artifact, options: Partial<PlanOptions> = {}) {
  const { steps } = await plannedImage({ image: section({ artifacts: [artifact] }) }, options);
  const [first] = steps;
  return first?.kind === 'copy' ? first.items[0] : undefined;
}

describe('an artifact', () => {
  it('of a path is the file, under the name of its target', async () => {
    const path = join(directory, 'file');
    expect(
      await itemOf({ ...common, kind: 'path', path, checksums: { md5: 'aa' }, description: 'ask me' }),
    ).toEqual({
      source: {
        ...{ kind: 'file', path, follow: true, checksums: { md5: 'aa' }, at },
        messages: { missing, mismatch, warning, hint: 'ask me' },
      },
      ...{ target: '/opt/server.jar', keep: 'attributes', uid: 0, gid: 0, at },
    });
  });

  it('that is a directory is what is in it', async () => {
    const path = join(directory, 'tree');
    expect(await itemOf({ ...common, kind: 'path', path, checksums: {} })).toMatchObject({
      source: { path, directory: true, confined: true },
      target: '/opt/',
    });
    await expect(itemOf({ ...common, kind: 'path', path, checksums: { md5: 'aa' } })).rejects.toThrow(
      "artifact 'server' is a directory, which has no checksum",
    );
  });

  it('has the owner and mode that it wants', async () => {
    const path = join(directory, 'file');
    expect(
      await itemOf({ ...common, kind: 'path', path, checksums: {}, mode: 0o600, uid: 5, gid: 6 }),
    ).toMatchObject({ mode: 0o600, uid: 5, gid: 6 });
  });

  it('of a url is what is there, or in the cache of artifacts', async () => {
    const artifact = {
      ...common,
      kind: 'url',
      url: 'https://host/a.jar',
      checksums: { md5: 'aa', sha256: 'bb' },
    } as const;
    const cacheUrl = 'https://cache/#algorithm#/#hash#/#filename#?#hash#';
    expect(await itemOf(artifact, { cacheUrl })).toMatchObject({
      source: {
        ...{ kind: 'http', url: 'https://host/a.jar', checksums: { md5: 'aa', sha256: 'bb' } },
        mirrors: ['https://cache/sha256/bb/server?bb'],
        messages: { missing, mismatch, warning },
      },
    });
    expect((await itemOf({ ...artifact, checksums: {} }, { cacheUrl }))?.source).not.toHaveProperty(
      'mirrors',
    );
  });

  it('of a url has the checksum of the lock', async () => {
    const artifact = { ...common, kind: 'url', url: 'https://host/a.jar', checksums: {} } as const;
    const lock = {
      images: { 'base:1': `sha256:${'a'.repeat(64)}` },
      repositories: {},
      artifacts: {},
      packages: {},
    };
    expect(await itemOf(artifact, { lock: { ...lock, artifacts: { [artifact.url]: 'cc' } } })).toMatchObject({
      source: { checksums: { sha256: 'cc' } },
    });
    await expect(itemOf(artifact, { lock })).rejects.toThrow(
      'the lock file has no checksum for https://host/a.jar',
    );
    expect(await itemOf({ ...artifact, checksums: { md5: 'aa' } }, { lock })).toMatchObject({
      source: { checksums: { md5: 'aa' } },
    });
  });

  it('without a place is known by its checksums', async () => {
    expect(await itemOf({ ...common, kind: 'plain', checksums: { sha1: 'aa' } })).toMatchObject({
      source: {
        ...{ kind: 'kept', name: 'server', checksums: { sha1: 'aa' } },
        messages: { missing },
      },
    });
  });

  it('of git is what is in the checked out repository', async () => {
    expect(await itemOf({ ...common, kind: 'git', url: 'repo', ref: 'main' })).toMatchObject({
      source: { kind: 'file', path: '/checkouts/repo/main', directory: true },
      target: '/opt/',
    });
  });

  it('of git that cannot be had is an error at its place', async () => {
    const checkout = () => Promise.reject(new AshlarError('Could not clone from repo'));
    const missing = itemOf({ ...common, kind: 'git', url: 'repo', ref: 'main' }, { checkout });
    await expect(missing).rejects.toMatchObject({ message: 'Could not clone from repo', at });
  });

  it('of PNC is refused before anything is built', async () => {
    await expect(itemOf({ ...common, kind: 'pnc', buildId: '1', artifactId: '2' })).rejects.toMatchObject({
      message: "artifact 'server' is kept by PNC, from where only OSBS can fetch it",
      at,
    });
  });

  it('goes where variables of the image say', async () => {
    const path = join(directory, 'file');
    expect((await itemOf({ ...common, kind: 'path', path, checksums: {}, dest: '$HOME/' }))?.target).toEqual([
      { variable: 'HOME' },
      '/server.jar',
    ]);
  });
});

describe('a repository of packages', () => {
  const repository = (url: string): Repository => ({ kind: 'url', name: 'r', fileName: 'r.repo', url, at });

  it('is a file that is there until the end', async () => {
    const { steps, squash } = await plannedImage({ repositories: [repository('https://host/r.repo')] });
    expect(steps[0]).toMatchObject({
      items: [{ source: { kind: 'http', url: 'https://host/r.repo' }, target: '/etc/yum.repos.d/r.repo' }],
    });
    expect(squash?.without).toEqual(['/tmp/scripts', '/tmp/artifacts', '/etc/yum.repos.d/r.repo']);
  });

  it('may be a file of the host', async () => {
    const { steps } = await plannedImage({ repositories: [repository('file:///work/r.repo')] });
    expect(steps[0]).toMatchObject({ items: [{ source: { kind: 'file', path: '/work/r.repo' } }] });
  });

  it('is refused at an address that nobody knows', async () => {
    await expect(planned([{ repositories: [repository('ftp://host/r')] }])).rejects.toThrow(
      'Unsupported URL scheme: ftp://host/r',
    );
  });
});

describe('what OSBS brings', () => {
  it('is an extra directory, which every build has', async () => {
    const osbs = { extraDir: '/work/osbs_extra', extraDirTarget: located('/extra'), remoteSource: false };
    const { steps } = await plannedImage({ osbs });
    expect(steps[0]).toMatchObject({
      items: [{ source: { kind: 'file', path: '/work/osbs_extra', directory: true }, target: '/extra' }],
    });
  });

  it('is a remote source, of which build arguments tell', async () => {
    const osbs = { extraDir: '/work/osbs_extra', remoteSource: true };
    const { plan, warnings } = await planned([{ osbs }], {
      buildArguments: ['REMOTE_SOURCE=sources', 'REMOTE_SOURCE_DIR=/remote'],
    });
    expect(plan.images[0]?.steps).toMatchObject([
      // It owns the working directory.
      { change: { user: 'root' } },
      {
        buildArguments: [
          ['REMOTE_SOURCE', 'sources'],
          ['REMOTE_SOURCE_DIR', '/remote'],
        ],
      },
      { items: [{ source: { path: '/work/sources' }, target: '/remote' }] },
      { change: { workingDir: [{ variable: 'REMOTE_SOURCE_DIR' }, '/app'] }, makeWorkingDir: true },
      { change: { labels: {} } },
      { command: ['/bin/sh', '-c', 'rm -rf $REMOTE_SOURCE_DIR'] },
      { change: { user: 'root' } },
    ]);
    expect(warnings).toEqual([]);
    await expect(planned([{ osbs }])).rejects.toThrow(
      'a remote source needs the build arguments REMOTE_SOURCE and REMOTE_SOURCE_DIR',
    );
  });
});
