import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { streamArchive } from '../../src/layers/index.ts';
import { archiveFiles, openImage } from '../../src/oci/index.ts';
import { has } from '../support/tools.ts';

describe.skipIf(!has('umoci', 'skopeo'))('an archive of an image', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-archive-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('is the image under all its names for those who read either kind of archive', async () => {
    const layout = join(directory, 'layout');
    const umoci = (...args: readonly string[]) => execFileSync('umoci', args, { stdio: 'pipe' });
    umoci('init', '--layout', layout);
    umoci('new', '--image', `${layout}:x`);
    writeFileSync(join(directory, 'f'), 'content');
    execFileSync('tar', ['-C', directory, '-cf', join(directory, 'l.tar'), 'f']);
    // The same layer twice.
    for (let i = 0; i < 2; i++) umoci('raw', 'add-layer', '--image', `${layout}:x`, join(directory, 'l.tar'));
    const image = await openImage({ transport: 'oci', path: layout, tag: 'x' });

    const archive = join(directory, 'a.tar');
    const files = archiveFiles(image, ['some/app:1', 'some/app:latest']);
    writeFileSync(archive, Buffer.concat(await Array.fromAsync(streamArchive(files))));

    const skopeo = (...args: readonly string[]) =>
      execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8', stdio: 'pipe' });
    const config = JSON.stringify(image.config);
    for (const name of [':some/app:1', ':some/app:latest']) {
      const read = skopeo('inspect', '--config', '--raw', `docker-archive:${archive}${name}`);
      expect(JSON.stringify(JSON.parse(read))).toBe(config);
    }
    skopeo('copy', `oci-archive:${archive}:some/app:1`, `oci:${join(directory, 'copy')}:x`);
    const copy = await openImage({ transport: 'oci', path: join(directory, 'copy'), tag: 'x' });
    expect(copy.descriptor.digest).toBe(image.descriptor.digest);
    // Every layer is read and compared with the diff ID that the config names.
    skopeo('copy', `docker-archive:${archive}:some/app:1`, `dir:${join(directory, 'dir')}`);
  });
});
