/** A kernel and firmware, each out of a package that is really installed, and both of them as one image. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { readImage, readTags } from './images.ts';
import { debianRoot } from './roots.ts';
import { seed } from './seed.ts';
import { output, useWorkspace } from './support.ts';

/** As it was written, but for a base that is at hand and the name that the kernel has there. */
const FILE = seed({
  base: `
from:
  type: docker
  url: oci:base:debian
run:
  apt-get update -q`,
  kernel: `
apt-get install --no-install-recommends --assume-yes linux-image-cloud-amd64
mv /boot /lib/modules /tmp/stage/kernel`,
  ovmf: `
apt-get install --no-install-recommends --assume-yes ovmf
cp /usr/share/OVMF/OVMF_CODE.secboot.fd /tmp/stage/ovmf/ovmf-code.fd
cp /usr/share/OVMF/OVMF_VARS.fd /tmp/stage/ovmf/ovmf-vars.fd`,
});

// It installs a kernel, which takes its time; what users without privileges see is tested with smaller things.
describe.skipIf(!isRoot || !has('mmdebstrap', 'apt-get', 'dpkg-deb', 'umoci', 'mksquashfs'))(
  'the seed',
  () => {
    const workspace = useWorkspace();
    let packages = '';
    beforeAll(() => {
      const script = fileURLToPath(new URL('../../scripts/debian-packages', import.meta.url));
      packages = execFileSync(script, ['kernel', 'linux-image-cloud-amd64', 'ovmf'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      }).trim();
    });

    it('publishes a kernel, firmware and both, without any duplication', { timeout: 300_000 }, async () => {
      // Debian with its packages in it stands for Ubuntu and the network.
      const project = workspace.project();
      project.write('sources.list', 'deb [trusted=yes] file:/repository ./\n');
      const imports = [
        { path: packages, dest: '/repository' },
        { path: 'sources.list', dest: '/etc/apt/sources.list' },
      ];
      const debian = { from: { type: 'tar', url: debianRoot() }, imports };
      await project.build({ debian }, ['--compression', 'zstd'], { globals: ['--oci-dir', 'base'] });
      await project.build(FILE);
      expect(project.tags()).toEqual(['kernel', 'ovmf', 'combined']);
      const layersOf = (oci: string, form = '') =>
        ['kernel', 'ovmf', 'combined'].map(name => readImage(oci, `${name}${form}`).manifest.layers);
      const [kernel, ovmf, combined] = layersOf(project.oci);
      expect([kernel?.length, ovmf?.length]).toEqual([1, 1]);
      expect(combined).toEqual([kernel?.[0], ovmf?.[0]]);
      const names = project.image('combined').names(0);
      expect(names).toEqual(expect.arrayContaining([expect.stringMatching(/^kernel\/boot\/vmlinuz-6/)]));
      expect(names.every(name => name === '/' || name.startsWith('kernel/'))).toBe(true);
      expect(project.image('combined').names(1)).toEqual(
        expect.arrayContaining(['ovmf/ovmf-code.fd', 'ovmf/ovmf-vars.fd']),
      );

      const squashfs = project.at('squashfs');
      await project.build(FILE, ['--layer-type', 'squashfs'], { globals: ['--oci-dir', squashfs] });
      expect(readTags(squashfs)).toEqual(['kernel-squashfs', 'ovmf-squashfs', 'combined-squashfs']);
      const [kernelImage, ovmfImage, combinedImage] = layersOf(squashfs, '-squashfs');
      expect([kernelImage?.length, ovmfImage?.length]).toEqual([1, 1]);
      expect(combinedImage).toEqual([kernelImage?.[0], ovmfImage?.[0]]);
      for (const [layer] of [kernelImage ?? [], ovmfImage ?? []]) {
        expect(layer?.mediaType).toBe('application/vnd.stacker.image.layer.squashfs+zstd');
        expect(layer?.annotations).toMatchObject({
          'io.stackeroci.stacker.squashfs_verity_root_hash': expect.stringMatching(/^[0-9a-f]{64}$/),
        });
      }
      const index = JSON.parse(readFileSync(project.at('oci/index.json'), 'utf8'));
      expect(index.manifests).toHaveLength(3);
      const proof = await output(project.program, project.arguments(['stack', '--verify', 'combined']), {
        cwd: project.path,
        env: project.environment(),
      });
      expect(proof).toMatch(/^combined is proven to be kernel \+ ovmf; 2 layers shared; /);
    });
  },
);
