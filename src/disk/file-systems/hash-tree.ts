/** dm-verity hash trees of partitions. */
import { constants, openSync } from 'node:fs';
import { hashAreaSize, VERITY_BLOCK, writeHashArea } from '../../layers/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { HashTreeSize, MakeHashTree } from '../request.ts';

export const hashTreeSize: HashTreeSize = hashAreaSize;

export const makeHashTree: MakeHashTree = async ({ file, signal, uuid, salt, ...area }) => {
  if (area.dataSize === 0 || area.dataSize % VERITY_BLOCK !== 0) {
    throw new AshlarError(`${area.dataSize} bytes are no whole blocks that verity could protect`);
  }
  using open = new FileDescriptor(openSync(file, constants.O_RDWR));
  const ids = { uuid: Buffer.from(uuid.replaceAll('-', ''), 'hex'), salt: Buffer.from(salt, 'hex') };
  return writeHashArea(open.fd, { ...area, ...ids }, () => signal.throwIfAborted());
};
