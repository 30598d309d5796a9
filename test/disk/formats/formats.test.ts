import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFormat } from '../../../src/disk/formats/make.ts';
import type { DiskFormat } from '../../../src/disk/types.ts';
import { has } from '../../support/tools.ts';
import { MEBIBYTE, noise, scratch, signal } from '../file-systems/trees.ts';

function rawDisk(): string {
  const file = join(scratch(), 'disk.raw');
  const fd = openSync(file, 'w');
  writeSync(fd, noise(2 * MEBIBYTE), 0, 2 * MEBIBYTE, MEBIBYTE);
  writeSync(fd, Buffer.alloc(MEBIBYTE, 'text that can be compressed '), 0, MEBIBYTE, 8 * MEBIBYTE);
  // Whole cylinders of a vhd: other sizes become a little larger there.
  ftruncateSync(fd, 16 * 63 * 512 * 65);
  closeSync(fd);
  return file;
}

async function convert(
  source: string,
  format: DiskFormat['format'],
  options: readonly string[] = [],
  identity = 'x',
) {
  const directory = scratch();
  const [output, room] = [join(directory, `result-${directory.slice(-6)}`), join(directory, 'room')];
  mkdirSync(room);
  const request = { source, output, scratch: room, identity, epoch: 1_700_000_000, signal };
  await makeFormat({ ...request, format: { format, options } });
  return output;
}

/** How qemu-img calls each. */
const names = {
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  'vhd-fixed': 'vpc',
  vhdx: 'vhdx',
} as const;

describe.runIf(has('qemu-img'))('a disk', () => {
  it.each(Object.entries(names))(
    'is the same as %s each time, and what qemu-img reads',
    async (format, name) => {
      const source = rawDisk();
      const wanted = format as keyof typeof names;
      const [one, other] = [await convert(source, wanted), await convert(source, wanted)];
      expect(readFileSync(other).equals(readFileSync(one))).toBe(true);
      execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', name, source, one], { stdio: 'pipe' });
      if (name !== 'vpc') execFileSync('qemu-img', ['check', '-f', name, one], { stdio: 'pipe' });
      // Disks of something else are told apart by their ids; qcow2 has none.
      const another = await convert(source, wanted, [], 'y');
      expect(readFileSync(another).equals(readFileSync(one))).toBe(name === 'qcow2');
    },
  );

  it('is compressed when that is wanted', async () => {
    const source = rawDisk();
    const made = await convert(source, 'qcow2', ['compressed=on', 'compression_type=zstd']);
    const said = execFileSync('qemu-img', ['check', '--output=json', made], { encoding: 'utf8' });
    expect(JSON.parse(said)).toMatchObject({ 'compressed-clusters': expect.any(Number) });
  });

  it('is streamed in an ova, behind its description and the digests', async () => {
    const made = await convert(rawDisk(), 'ova', ['name=machine', 'memory=512', 'cpus=2']);
    const list = execFileSync('tar', ['-tf', made], { encoding: 'utf8' });
    expect(list.split('\n').slice(0, 3)).toEqual(['machine.ovf', 'machine.mf', 'machine-disk1.vmdk']);
    const read = (name: string) => execFileSync('tar', ['-xOf', made, name], { maxBuffer: 64 * MEBIBYTE });
    const ovf = read('machine.ovf');
    expect(ovf.toString()).toContain('<rasd:VirtualQuantity>512</rasd:VirtualQuantity>');
    const sums = [ovf, read('machine-disk1.vmdk')].map(bytes =>
      createHash('sha256').update(bytes).digest('hex'),
    );
    expect(read('machine.mf').toString()).toBe(
      `SHA256(machine.ovf)= ${sums[0]}\nSHA256(machine-disk1.vmdk)= ${sums[1]}\n`,
    );
    const again = await convert(rawDisk(), 'ova', ['name=machine', 'memory=512', 'cpus=2']);
    expect(readFileSync(again).equals(readFileSync(made))).toBe(true);
  });

  it.each([
    [[], 'ovf:id="101"', true],
    [['guest=debian12-64', 'firmware=efi'], 'ovf:id="96"', true],
    [['guest=SLES', 'firmware=bios'], 'ovf:id="84"', false],
  ] as const)('says in an ova what the machine starts, and how: %j', async (options, guest, efi) => {
    const made = await convert(rawDisk(), 'ova', [...options]);
    const ovf = execFileSync('tar', ['-xOf', made, 'disk.ovf'], { encoding: 'utf8' });
    expect(ovf).toContain(`<OperatingSystemSection ${guest}>`);
    expect(ovf.includes('vmw:key="firmware" vmw:value="efi"')).toBe(efi);
  });

  it('is disk.raw in the archive for Google', async () => {
    const source = rawDisk();
    const made = await convert(source, 'gce');
    expect(execFileSync('tar', ['-tzf', made], { encoding: 'utf8' })).toBe('disk.raw\n');
    const content = execFileSync('tar', ['-xzOf', made, 'disk.raw'], { maxBuffer: 64 * MEBIBYTE });
    expect(content.equals(readFileSync(source))).toBe(true);
  });

  it('has a machine described for VMware', async () => {
    const made = await convert('/dev/null', 'vmx', ['disk=image.vmdk', 'memory=2048', 'firmware=bios']);
    const text = readFileSync(made, 'utf8');
    expect(text).toContain('scsi0:0.fileName = "image.vmdk"\n');
    expect(text).toContain('memsize = "2048"\n');
    expect(text).toContain('firmware = "bios"\n');
  });
});

describe('options of formats', () => {
  it.each([
    ['qcow2', 'backing_file=/etc/shadow', 'has no option "backing_file"'],
    ['qcow2', 'data_file=/dev/sda', 'has no option "data_file"'],
    ['vmdk', 'subformat=monolithicFlat', 'has no value that vmdk knows'],
    ['ova', 'name=../../x', 'has no value that ova knows'],
    ['gce', 'constructor=1', 'has no option "constructor"'],
  ] as const)('of %s: %s is refused', async (format, option, message) => {
    await expect(convert('/dev/null', format, [option])).rejects.toThrow(message);
  });
});
