/** The header of swap space (the kernel's include/linux/swap.h), which is all that is in one. */
import { constants, openSync } from 'node:fs';
import { FileDescriptor } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { writeFully } from '../pieces.ts';
import type { MakeSwap } from '../request.ts';

const PAGE = 4096;
const AT = {
  version: 1024,
  lastPage: 1028,
  uuid: 1036,
  label: 1052,
  labelEnd: 1068,
  signature: 4086,
} as const;
/** Fewer pages the kernel does not take. */
const FEWEST_PAGES = 10;

/** Throws an AshlarError when the label is too long or the space too small. */
export const makeSwap: MakeSwap = async ({ file, offset, size, uuid, label }) => {
  const pages = Math.floor(size / PAGE);
  if (pages < FEWEST_PAGES) throw new AshlarError(`swap space of ${size} bytes is too small`);
  if (Buffer.byteLength(label) >= AT.labelEnd - AT.label) {
    throw new AshlarError(`the label ${JSON.stringify(label)} is longer than the 15 bytes of swap space`);
  }
  const page = Buffer.alloc(PAGE);
  page.writeUInt32LE(1, AT.version);
  page.writeUInt32LE(pages - 1, AT.lastPage);
  page.write(uuid.replaceAll('-', ''), AT.uuid, 'hex');
  page.write(label, AT.label, 'utf8');
  page.write('SWAPSPACE2', AT.signature, 'latin1');
  using open = new FileDescriptor(openSync(file, constants.O_WRONLY));
  writeFully(open.fd, page, offset);
};
