import { mountImage, unmountImage } from '../../engine/index.ts';
import { followed } from '../follow.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { buildOptions } from './build-options.ts';

export interface MountFlags {
  /** A directory that keeps changes. */
  readonly writable?: string;
}

/** Mounts an image at a directory, where it stays when the command has ended. */
export async function mount(
  globals: GlobalFlags,
  image: string,
  directory: string,
  { writable }: MountFlags,
): Promise<void> {
  const settings = await readSettings(globals);
  const options = buildOptions(settings, { layerType: ['tar'], compression: 'gzip', network: 'host' });
  await followed(globals, {}, ({ emit, signal }) =>
    mountImage({ image, directory, writable }, options, emit, signal),
  );
}

export async function unmount(globals: GlobalFlags, directory: string): Promise<void> {
  const { store } = await readSettings(globals);
  openLog(globals);
  unmountImage(directory, store);
}
