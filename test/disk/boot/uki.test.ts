import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { espFiles, prepareBoot } from '../../../src/disk/boot/boot.ts';
import { appendSections, peSections } from '../../../src/disk/boot/pe.ts';
import { readStub, writeUki } from '../../../src/disk/boot/uki.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';
import { diskSpec } from '../specs.ts';
import { bootRequest, bytesOf, kernelFiles, makeTree } from './trees.ts';

/** systemd's, which must be there in CI. */
const STUB = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';

/** A program with one section of 100 bytes, symbols behind it and a signature. */
function stub(room = 8, padding = 0): Buffer {
  const pe = 0x80;
  const optional = 240;
  const table = pe + 24 + optional;
  const headers = Math.ceil((table + 40 * (1 + room)) / 512) * 512;
  const bytes = Buffer.alloc(headers + 512 + padding, 0);
  bytes.writeUInt32LE(pe, 0x3c);
  bytes.write('PE\0\0', pe, 'latin1');
  bytes.writeUInt16LE(0x8664, pe + 4);
  bytes.writeUInt16LE(1, pe + 6);
  bytes.writeUInt32LE(headers + 512, pe + 12);
  bytes.writeUInt32LE(3, pe + 16);
  bytes.writeUInt16LE(optional, pe + 20);
  bytes.writeUInt16LE(0x20b, pe + 24);
  bytes.writeUInt32LE(4096, pe + 24 + 32);
  bytes.writeUInt32LE(512, pe + 24 + 36);
  bytes.writeUInt32LE(8192, pe + 24 + 56);
  bytes.writeUInt32LE(headers, pe + 24 + 60);
  bytes.writeUInt32LE(0xdeadbeef, pe + 24 + 64);
  bytes.writeUInt32LE(16, pe + 24 + 108);
  bytes.writeUInt32LE(headers + 512, pe + 24 + 112 + 4 * 8);
  bytes.write('.text', table, 'latin1');
  bytes.writeUInt32LE(100, table + 8);
  bytes.writeUInt32LE(4096, table + 12);
  bytes.writeUInt32LE(512, table + 16);
  bytes.writeUInt32LE(headers, table + 20);
  bytes.fill(0x90, headers, headers + 100);
  return bytes;
}

function parts(contents: readonly Uint8Array[]) {
  const [osRelease, linux, initrd] = contents.map(bytes => ({ kind: 'bytes', bytes }) as const);
  const empty = { kind: 'bytes', bytes: Buffer.of() } as const;
  return { osRelease: osRelease ?? empty, kernel: linux ?? empty, initrd, commandLine: 'root=UUID=1 ro' };
}

describe('a unified kernel image', () => {
  it('holds each part as it was, at places that no other one has', () => {
    const content = fc.uint8Array({ minLength: 1, maxLength: 2000 });
    fc.assert(
      fc.property(fc.tuple(content, content, content), contents => {
        const program = stub(8, 300);
        const file = writeUki(join(scratch(), 'uki.efi'), program, parts(contents));
        const bytes = bytesOf(file);
        const sections = peSections(bytes);
        expect(sections.map(({ name }) => name)).toEqual([
          '.text',
          '.osrel',
          '.cmdline',
          '.linux',
          '.initrd',
        ]);
        const held = sections
          .slice(1)
          .map(({ fileOffset, virtualSize }) => bytes.subarray(fileOffset, fileOffset + virtualSize));
        expect(held).toEqual(
          [contents[0], Buffer.from('root=UUID=1 ro'), contents[1], contents[2]].map(one =>
            Buffer.from(one ?? []),
          ),
        );
        for (const [i, { fileOffset, fileSize, virtualAddress, virtualSize }] of sections.entries()) {
          expect(fileOffset % 512).toBe(0);
          expect(virtualAddress % 4096).toBe(0);
          const next = sections[i + 1];
          expect(next?.fileOffset ?? bytes.length).toBeGreaterThanOrEqual(fileOffset + fileSize);
          expect(next?.virtualAddress ?? bytes.readUInt32LE(0x80 + 24 + 56)).toBeGreaterThanOrEqual(
            virtualAddress + virtualSize,
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has no symbols, checksum and signature of the stub', () => {
    const head = Buffer.from(appendSections(stub(8, 300), [{ name: '.linux', size: 7 }]).head);
    expect([12, 16, 24 + 64, 24 + 112 + 32].map(at => head.readUInt32LE(0x80 + at))).toEqual([0, 0, 0, 0]);
    expect(head.length).toBe(stub().length);
  });

  it('is made or refused whatever a stub says of itself', () => {
    const place = fc.integer({ min: 0x3c, max: 0x80 + 24 + 240 + 40 });
    const changes = fc.array(fc.tuple(place, fc.constantFrom(0, 1, 0x7fffffff, 0xffffffff)), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, all => {
        const program = stub();
        for (const [at, value] of all) program.writeUInt32LE(value, at);
        try {
          expect(appendSections(program, [{ name: '.linux', size: 7 }]).places).toHaveLength(1);
        } catch (error) {
          expect(error).toBeInstanceOf(AshlarError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is refused for stubs without room, cut ones, and what is no program', () => {
    const added = Array.from({ length: 4 }, (_, i) => ({ name: `.s${i}`, size: 1 }));
    const full = stub(0);
    full.writeUInt32LE(0x80 + 24 + 240 + 40, 0x80 + 24 + 60);
    expect(() => appendSections(full, added)).toThrow('the boot stub has no room for 4 more sections');
    expect(() => peSections(stub().subarray(0, 700))).toThrow('the boot stub is damaged');
    expect(() => peSections(Buffer.from('MZ'))).toThrow('the boot stub is cut off');
    expect(() => peSections(Buffer.alloc(4096))).toThrow('the boot stub is no program of UEFI firmware');
  });

  it.skipIf(!has('objdump') || !(process.env.CI || existsSync(STUB)))(
    'reads as binutils read programs',
    () => {
      const program = readFileSync(STUB);
      const path = join(scratch(), 'uki.efi');
      const initrd = Buffer.alloc(70_000, 'initrd');
      writeUki(path, program, parts([Buffer.from('ID=test\n'), Buffer.alloc(50_000, 'linux'), initrd]));
      const listed = execFileSync('objdump', ['-h', path], { encoding: 'utf8' });
      const sizes = [...listed.matchAll(/^\s*\d+ (\.\w+)\s+([0-9a-f]{8})/gm)].map(([, name, size]) => [
        name,
        Number(`0x${size}`),
      ]);
      expect(sizes.slice(-4)).toEqual([
        ['.osrel', 8],
        ['.cmdline', 14],
        ['.linux', 50_000],
        ['.initrd', 70_000],
      ]);
      const out = join(scratch(), 'initrd');
      execFileSync('objcopy', ['-O', 'binary', '--only-section=.initrd', path, out]);
      // objcopy writes the padding, too.
      expect(readFileSync(out).subarray(0, initrd.length).equals(initrd)).toBe(true);
    },
  );

  it('begins with the stub of the image, and says so', () => {
    const tree = makeTree({ 'usr/lib/systemd/boot/efi/linuxx64.efi.stub': stub() });
    const { request, said } = bootRequest(tree);
    expect(stub().equals(readStub(request))).toBe(true);
    expect(said).toEqual([
      'the unified kernel image begins with /usr/lib/systemd/boot/efi/linuxx64.efi.stub of the image',
    ]);
  });

  it('has what the system is called, though both have left the tree before it is made', async () => {
    const tree = makeTree({
      ...kernelFiles('6.1.0'),
      'boot/initrd.img-6.1.0': 'initrd',
      'usr/lib/systemd/boot/efi/linuxx64.efi.stub': stub(),
      'usr/lib/os-release': 'ID=ours\n',
      'etc/os-release': '-> ../usr/lib/os-release',
    });
    const spec = diskSpec({
      kernelCommandLine: 'quiet root=UUID=1',
      initrd: { kind: 'found', options: [] },
      legacyBoot: false,
    });
    const prepared = await prepareBoot(bootRequest(tree, { spec }).request);
    rmSync(join(tree, 'usr'), { recursive: true });
    const [file, ...others] = espFiles(prepared);
    expect([file?.path, others]).toEqual(['EFI/BOOT/BOOTX64.EFI', []]);
    const bytes = file ? bytesOf(file.content) : Buffer.of();
    const text = (name: string) => {
      const section = peSections(bytes).find(one => one.name === name);
      return section && bytes.toString('utf8', section.fileOffset, section.fileOffset + section.virtualSize);
    };
    expect([text('.osrel'), text('.cmdline'), text('.linux'), text('.initrd')]).toEqual([
      'ID=ours\n',
      'quiet root=UUID=1',
      'kernel 6.1.0',
      'initrd',
    ]);
  });

  it('names the package where neither image nor machine has a stub', () => {
    const { request } = bootRequest(makeTree({}), { spec: diskSpec({ architecture: 'riscv64' }) });
    expect(() => readStub(request)).toThrow('cannot find linuxriscv64.efi.stub, in the image or here');
  });
});
