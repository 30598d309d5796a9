/** What --root means: an OCI layout as builds leave it. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openLayout } from '../../oci/index.ts';
import type { Part } from '../../recipes/kiwi/index.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';

/** @throws AshlarError for anything else. */
export async function findRoot(path: string): Promise<Part> {
  const at: SourceSpan = { file: 'command line', line: 1, column: 1, lineText: `--root ${path}` };
  const absolute = resolve(path);
  const status = statSync(absolute, { throwIfNoEntry: false });
  if (status?.isDirectory() && existsSync(join(absolute, 'oci-layout'))) {
    const newest = (await (await openLayout(absolute)).tags()).at(-1);
    if (newest) {
      const reference = `oci:${absolute}@${newest.descriptor.digest}`;
      return { kind: 'image', reference, insecure: false, at };
    }
  }
  throw new AshlarError(status ? `${path} is no OCI layout with an image` : `there is no ${path}`, {
    at,
    hint: 'of a directory, ashlar system stash --root makes a stash, which stackbuild builds again',
  });
}
