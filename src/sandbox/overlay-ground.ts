import { removeXattr, SystemCallError, setXattr } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';

const PROBE = 'user.overlay.probe';

/**
 * Overlay mounts keep what they must remember in extended attributes of users. On a file system without them they work
 * until a directory is removed, and that then fails as if the disk were broken.
 * @throws AshlarError when `directory` cannot have such attributes.
 */
export function requireUserXattrs(directory: string): void {
  try {
    setXattr(directory, PROBE, new Uint8Array());
    removeXattr(directory, PROBE);
  } catch (error) {
    if (!(error instanceof SystemCallError && error.code === 'EOPNOTSUPP')) throw error;
    throw new AshlarError(
      `the file system of ${directory} has no extended attributes of users (user_xattr)`,
      {
        cause: error,
        hint: 'choose a directory on another one with --store; tmpfs has them since Linux 6.6',
      },
    );
  }
}
