import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { hostPlatform, openImage, type Platform, parseReference } from '../../oci/index.ts';
import { type BaseConfig, convertDockerfile } from '../../recipes/dockerfile/index.ts';
import { AshlarError, codeOf, messageOf } from '../../support/errors.ts';
import { type Log, openLog, withPlace } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';

export interface ConvertFlags {
  readonly dockerFile: string;
  readonly outputFile: string;
  readonly substituteFile: string;
}

/** How long a registry may take to say what the environment of a base is; without it the conversion goes on. */
const patience = 20_000;

/** Writes a stacker file and its substitute file for a Dockerfile. Like stacker, it replaces what is there. */
export async function convert(globals: GlobalFlags, flags: ConvertFlags): Promise<void> {
  const log = openLog(globals);
  const settings = await readSettings(globals);
  const file = resolve(flags.dockerFile);
  const output = resolve(flags.outputFile);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AshlarError(`couldn't read Dockerfile ${flags.dockerFile}`, { cause });
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

async function readBase(url: string, platform: Platform, log: Log): Promise<BaseConfig | undefined> {
  try {
    const signal = AbortSignal.timeout(patience);
    const { config } = await openImage(parseReference(url), { platform, signal });
    const { Env, WorkingDir = '', User = '' } = config.config ?? {};
    return { environment: Env ?? [], workingDir: WorkingDir, user: User };
  } catch (error) {
    if (!(error instanceof AshlarError || error instanceof DOMException || codeOf(error))) throw error;
    log('debug', `cannot look at ${url}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Writes a file so that at no time a part of it is there. */
async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new AshlarError(`couldn't write ${path}`, { cause });
  }
}
