/** Between CEKit descriptors and stacker files. */
import { cp, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { hostPlatform } from '../../oci/index.ts';
import { planToCekit, planToStacker } from '../../recipes/convert/index.ts';
import { loadStackerPlan } from '../../recipes/stacker/index.ts';
import { readCekitConfig } from '../cekit/config.ts';
import { loadDescriptor, planOf } from '../cekit/load.ts';
import { interruptible } from '../interruption.ts';
import { openLog, withPlace } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { readBase } from './base-config.ts';
import type { ConvertFlags } from './convert-flags.ts';
import { stackerOptions } from './recipe.ts';
import { replaceFile } from './replace-file.ts';

type With<K extends keyof ConvertFlags> = ConvertFlags & { readonly [key in K]-?: string };

/** Writes a stacker file for a descriptor. */
export async function convertDescriptor(globals: GlobalFlags, flags: With<'descriptor'>): Promise<void> {
  const log = openLog(globals);
  const { store } = await readSettings(globals);
  const { descriptor, overrides = [], buildArg, outputFile = 'stacker.yaml' } = flags;
  const output = resolve(outputFile);
  const order = {
    descriptor,
    tags: [],
    flags: { overrides, buildArg },
    config: readCekitConfig({}),
    store,
  };
  using interruption = interruptible();
  using loaded = await loadDescriptor(order, log, interruption.signal);
  const { text, copies, notes } = await planToStacker(await planOf(loaded), {
    descriptor,
    output,
    // Working copies of repositories are there.
    fleeting: path => path.startsWith(resolve(store) + sep),
    readBase: (url, platform, insecure) => readBase(url, platform, log, insecure),
  });
  for (const { text: note, at } of notes) log('warning', withPlace(note, at));
  for (const { source, path } of copies) {
    const copy = join(dirname(output), path);
    await rm(copy, { recursive: true, force: true });
    await cp(source, copy, {
      recursive: true,
      verbatimSymlinks: true,
      filter: from => basename(from) !== '.git',
    });
  }
  await replaceFile(output, text, 0o644);
  log('info', `wrote ${outputFile}`);
}

/** Writes the descriptors of the layers of a stacker file, and their modules. */
export async function convertStackerFile(globals: GlobalFlags, flags: With<'stackerFile'>): Promise<void> {
  const log = openLog(globals);
  const settings = await readSettings(globals);
  const { stackerFile, outputFile = 'image.yaml', substitute, substituteFile } = flags;
  const annotationsNamespace = 'io.stackeroci';
  const planFlags = {
    stackerFile: [stackerFile],
    substitute,
    substituteFile: substituteFile === undefined ? [] : [substituteFile],
    annotationsNamespace,
  };
  const { plan } = await loadStackerPlan(stackerOptions(settings, planFlags, log));
  const { descriptors, files, notes } = await planToCekit(plan, {
    stackerFile,
    output: resolve(outputFile),
    annotationsNamespace,
    platform: hostPlatform(),
    readBase: (url, platform, insecure) => readBase(url, platform, log, insecure),
  });
  for (const { text: note, at } of notes) log('warning', withPlace(note, at));
  for (const { path, content, mode } of files) {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, content, mode);
  }
  for (const path of descriptors) log('info', `wrote ${relative(process.cwd(), path)}`);
}
