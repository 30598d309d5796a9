/** Outputs written by hand, and what was made of them. */
import type { FileSystemType, Output } from '../../src/plan/outputs.ts';
import { at, buildImages, imagePlan } from './plans.ts';

const fileSystem = (type: FileSystemType, verity?: true): Output => ({
  kind: 'file-system',
  fileSystem: { type, label: 'ROOT', createOptions: [] },
  file: `tree.${type}`,
  role: 'filesystem_image',
  at,
  ...(verity && { verity }),
});

const archive = (format: 'tar' | 'tar.xz' | 'cpio'): Output => ({
  kind: 'archive',
  format,
  file: `tree.${format}`,
  role: 'root_archive',
  at,
});

/** One of each kind that needs no kernel in the tree. */
export const outputs: readonly Output[] = [
  fileSystem('ext4'),
  fileSystem('squashfs', true),
  archive('tar.xz'),
  archive('cpio'),
];

export const container = (
  format: 'docker' | 'oci' | 'layout',
  names: readonly string[],
  compression: 'none' | 'xz' = 'none',
): Output => ({
  kind: 'container',
  format,
  compression,
  names,
  file: format === 'layout' ? 'image-root' : `image.${format}.tar${compression === 'xz' ? '.xz' : ''}`,
  role: 'container',
  at,
});

export const packageList = (form: 'packages' | 'changes' | 'verified'): Output => ({
  kind: 'package-list',
  form,
  file: `image.${form}`,
  role: `image_${form}`,
  at,
});

/** Run by another user: SHA-256 by file of what is made in a directory of an image in a layout. */
const [, program, base, directory] = process.argv;
if (program === import.meta.filename && base !== undefined && directory !== undefined) {
  const image = imagePlan('a', base, { outputs });
  const { images } = await buildImages(directory, [image], { results: `${directory}/results` });
  const made = images.flatMap(one => one.outputs);
  process.stdout.write(JSON.stringify(Object.fromEntries(made.map(({ file, sha256 }) => [file, sha256]))));
}
