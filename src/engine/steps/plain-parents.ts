/** Parent directories in a form that JSON can hold, which is also the form in which they go into cache keys. */
import type { ParentDirectory } from '../../layers/index.ts';

export type PlainParent = Omit<ParentDirectory, 'mtime' | 'xattrs'> & {
  readonly mtime: string;
  readonly xattrs: readonly (readonly [name: string, base64: string])[];
};

export function toPlain({ mtime, xattrs, ...rest }: ParentDirectory): PlainParent {
  return {
    ...rest,
    mtime: String(mtime),
    xattrs: xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('base64')]),
  };
}

export function fromPlain({ mtime, xattrs, ...rest }: PlainParent): ParentDirectory {
  return {
    ...rest,
    mtime: BigInt(mtime),
    xattrs: xattrs.map(([name, base64]) => ({ name, value: Buffer.from(base64, 'base64') })),
  };
}
