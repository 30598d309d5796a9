import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { hostPlatform } from '../../oci/index.ts';
import { convertDockerfile } from '../../recipes/dockerfile/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { openLog, withPlace } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { readBase } from './base-config.ts';
import type { ConvertFlags } from './convert-flags.ts';
import { replaceFile } from './replace-file.ts';

/**
 * Writes a stacker file for a Dockerfile or a descriptor, or a descriptor for a stacker file. Like stacker, it replaces
 * what is there.
 * @throws UsageError for flags of several sources.
 */
export async function convert(globals: GlobalFlags, flags: ConvertFlags): Promise<void> {
  const { dockerFile, descriptor, stackerFile } = flags;
  if ([dockerFile, descriptor, stackerFile].filter(file => file !== undefined).length > 1)
    throw new UsageError('convert takes one of --docker-file, --descriptor and --stacker-file');
  const ofOthers = Object.entries({
    '--substitute': stackerFile === undefined && flags.substitute.length > 0,
    '--overrides': descriptor === undefined && flags.overrides !== undefined,
    '--build-arg': descriptor === undefined && flags.buildArg.length > 0,
    '--substitute-file': descriptor !== undefined && flags.substituteFile !== undefined,
  });
  const [odd] = ofOthers.find(([, given]) => given) ?? [];
  if (odd !== undefined) throw new UsageError(`${odd} means nothing to what is converted here`);
  if (descriptor !== undefined) {
    const { convertDescriptor } = await import('./convert-cekit.ts');
    await convertDescriptor(globals, { ...flags, descriptor });
  } else if (stackerFile !== undefined) {
    const { convertStackerFile } = await import('./convert-cekit.ts');
    await convertStackerFile(globals, { ...flags, stackerFile });
  } else {
    await convertFromDockerfile(globals, {
      dockerFile: dockerFile ?? 'Dockerfile',
      outputFile: flags.outputFile ?? 'stacker.yaml',
      substituteFile: flags.substituteFile ?? 'stacker-subs.yaml',
    });
  }
}

async function convertFromDockerfile(
  globals: GlobalFlags,
  flags: { readonly dockerFile: string; readonly outputFile: string; readonly substituteFile: string },
): Promise<void> {
  const log = openLog(globals);
  const settings = await readSettings(globals);
  const file = resolve(flags.dockerFile);
  const output = resolve(flags.outputFile);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const hint = existsSync('image.yaml') ? 'for the descriptor here: --descriptor image.yaml' : undefined;
    throw new AshlarError(`couldn't read Dockerfile ${flags.dockerFile}`, { cause, hint });
  });
  const converted = await convertDockerfile({
    file,
    text,
    output,
    generated: [resolve(flags.substituteFile), settings.ociDir, settings.rootsDir, settings.stackerDir],
    platform: hostPlatform(),
    readBase: (url, platform) => readBase(url, platform, log),
  });
  for (const { text: note, at } of converted.notes) log('warning', withPlace(note, at));
  for (const directory of converted.directories) {
    await mkdir(join(dirname(output), directory), { recursive: true });
  }
  for (const { path, content, mode } of converted.files) {
    await mkdir(dirname(join(dirname(output), path)), { recursive: true });
    await replaceFile(join(dirname(output), path), content, mode);
  }
  await replaceFile(resolve(flags.substituteFile), converted.substitutes, 0o644);
  await replaceFile(output, converted.stackerFile, 0o644);
  log('info', `wrote ${flags.outputFile}; build it with --substitute-file ${flags.substituteFile}`);
}
