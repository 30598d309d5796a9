/** Unified kernel images: kernel, initrd and command line in one program that UEFI firmware starts. */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { AshlarError } from '../../support/errors.ts';
import { writePieces } from '../pieces.ts';
import { efiName } from './architecture.ts';
import { appendSections } from './pe.ts';
import { describeOrigin, findAnywhere, readOrigin, SYSTEMD_BOOT_PACKAGES } from './programs.ts';
import { readContent, sizeOf, textContent } from './tree.ts';
import type { BootRequest, FileContent } from './types.ts';

/** What one is made of. */
export interface UkiParts {
  readonly osRelease: FileContent;
  readonly commandLine: string;
  readonly kernel: FileContent;
  readonly initrd: FileContent | undefined;
}

const LARGEST_STUB = 16 * 2 ** 20;

/** Where it may be, for a machine that UEFI calls so. */
export function stubPlaces(efi: string): readonly string[] {
  return ['/usr', ''].map(top => `${top}/lib/systemd/boot/efi/${stubName(efi)}`);
}

function stubName(efi: string): string {
  return `linux${efi.toLowerCase()}.efi.stub`;
}

/** What the image for the disk begins with. @throws AshlarError when there is none for the architecture. */
export function readStub({ tree, spec, say }: BootRequest): Uint8Array {
  const efi = efiName(spec.architecture);
  const stub = findAnywhere(tree, stubPlaces(efi));
  if (!stub) {
    throw new AshlarError(
      `cannot find ${stubName(efi)}, in the image or here: unified kernel images begin with it`,
      {
        hint: SYSTEMD_BOOT_PACKAGES,
      },
    );
  }
  say(`the unified kernel image begins with ${describeOrigin(stub)}`);
  return readOrigin(stub, LARGEST_STUB);
}

/** Writes stub and parts into a file, in pieces. */
export function writeUki(path: string, stub: Uint8Array, parts: UkiParts): FileContent {
  const sections = [
    { name: '.osrel', content: parts.osRelease },
    { name: '.cmdline', content: textContent(parts.commandLine) },
    { name: '.linux', content: parts.kernel },
    ...(parts.initrd ? [{ name: '.initrd', content: parts.initrd }] : []),
  ].map(({ name, content }) => ({ name, content, size: sizeOf(content) }));
  const { head, places, size } = appendSections(stub, sections);
  const file = openSync(path, 'w', 0o600);
  try {
    ftruncateSync(file, size);
    writePieces(file, [{ offset: 0, bytes: head }]);
    for (const [i, { content }] of sections.entries()) {
      let offset = places[i]?.offset ?? size;
      for (const bytes of readContent(content)) {
        writePieces(file, [{ offset, bytes }]);
        offset += bytes.length;
      }
    }
  } finally {
    closeSync(file);
  }
  return { kind: 'file', path, size };
}
