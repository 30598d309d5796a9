/** Images of a docker daemon. skopeo fetches them: it knows the versions of daemons and of their archives. */
import { basename } from 'node:path';
import type { LayoutReference } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import type { LookContext } from '../context.ts';

const tag = 'image';

/** Whether a reference names an image of a docker daemon. */
export function isDaemonReference(reference: string): boolean {
  return reference.startsWith('docker-daemon:');
}

/**
 * Copies the image of a `docker-daemon:name:tag` reference into a layout among the temporary files. The daemon is that
 * of DOCKER_HOST, else the one of this machine. @throws AshlarError when it cannot be had.
 */
export async function exportFromDaemon(
  reference: string,
  { store, options, signal }: LookContext,
): Promise<LayoutReference> {
  const skopeo = findProgram('skopeo');
  if (skopeo === undefined) {
    throw new AshlarError('images of a docker daemon are fetched with skopeo, which is not installed', {
      hint: 'apt install skopeo | dnf install skopeo | zypper install skopeo',
    });
  }
  const path = store.temporaryPath('daemon');
  const { DOCKER_HOST } = options.environment;
  const from = DOCKER_HOST ? ['--src-daemon-host', DOCKER_HOST] : [];
  // By its name alone: a colon in the path would end it there.
  const target = `oci:${basename(path)}:${tag}`;
  const { status, stderr } = await runProgram(
    skopeo,
    ['--insecure-policy', 'copy', '--quiet', ...from, reference, target],
    { cwd: store.temporary, env: { ...options.environment }, signal },
  );
  if (status !== 0) {
    const text = stderr.trim().replace(/^time=.*? msg=/, '');
    throw new AshlarError(`skopeo cannot fetch ${reference}`, { cause: new AshlarError(text) });
  }
  return { transport: 'oci', path, tag };
}
