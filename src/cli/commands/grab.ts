import { posix } from 'node:path';
import { grab as grabFrom } from '../../engine/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { followed } from '../follow.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { buildOptions } from './build-options.ts';

/** Copies a file or directory of a built layer into the current directory. */
export async function grab(globals: GlobalFlags, argument: string): Promise<void> {
  const settings = await readSettings(globals);
  const [, image, text] = /^([^:]+):(.+)$/s.exec(argument) ?? [];
  const path = text === undefined ? '/' : posix.resolve('/', text);
  if (image === undefined || path === '/') {
    throw new AshlarError(`invalid grab argument: ${argument}`, {
      hint: 'write layer:/path/of/a/file/or/directory',
    });
  }
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  await followed(globals, {}, ({ emit, signal }) =>
    grabFrom({ image, path }, process.cwd(), options, emit, signal),
  );
}
