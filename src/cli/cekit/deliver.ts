/** Finished images go where the users of an engine look for them. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { streamArchive } from '../../layers/index.ts';
import { archiveFiles, type OpenedImage } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';

export type LoadingEngine = 'docker' | 'podman' | 'buildah';

/** What is to be delivered, and under which names; each has a tag. */
export interface Delivery {
  readonly image: OpenedImage;
  readonly names: readonly [string, ...string[]];
  /** Absolute: a directory for files on their way. */
  readonly temporary: string;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** @throws AshlarError when the engine's program is missing or refuses the image. */
export async function deliver(engine: LoadingEngine, delivery: Delivery): Promise<void> {
  try {
    await hand(engine, delivery);
  } catch (error) {
    // What was stopped complains in many ways.
    delivery.signal.throwIfAborted();
    throw error;
  }
}

async function hand(engine: LoadingEngine, delivery: Delivery): Promise<void> {
  switch (engine) {
    case 'podman':
      await load('podman', delivery);
      return tag('podman', delivery);
    case 'buildah':
      await pull(delivery);
      return tag('buildah', delivery);
    case 'docker':
      return (await hasDaemon(delivery)) ? load('docker', delivery) : writeArchive(delivery);
  }
}

/** The name that people mean when they leave out the tag. */
export function withTag(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : `${name}:latest`;
}

async function load(engine: 'docker' | 'podman', { image, names, signal }: Delivery): Promise<void> {
  const input = streamArchive(archiveFiles(image, names));
  await runEngine(engine, ['load', '--quiet'], { input, signal });
}

/** buildah reads archives, but not from a pipe. */
async function pull({ image, names, temporary, signal }: Delivery): Promise<void> {
  const path = resolve(temporary, `buildah-${process.pid}.tar`);
  try {
    await pipeline(streamArchive(archiveFiles(image, names)), createWriteStream(path), { signal });
    // By its name alone: a colon in the path would end it there.
    const args = ['pull', '--quiet', `oci-archive:${basename(path)}`];
    await runEngine('buildah', args, { cwd: dirname(path), signal });
  } finally {
    await rm(path, { force: true });
  }
}

/** Of an OCI archive, engines take the first name. */
async function tag(
  engine: 'podman' | 'buildah',
  { names: [first, ...others], signal }: Delivery,
): Promise<void> {
  if (others.length > 0) await runEngine(engine, ['tag', first, ...others], { signal });
}

async function hasDaemon({ signal }: Delivery): Promise<boolean> {
  const docker = findProgram('docker');
  if (docker === undefined) return false;
  const { status } = await runProgram(docker, ['version', '--format', '{{.Server.Version}}'], { signal });
  return status === 0;
}

async function writeArchive({ image, names, say, signal }: Delivery): Promise<void> {
  const path = resolve(`${names[0].replaceAll(/[/:]/g, '-')}.tar`);
  const temporary = `${path}.${process.pid}`;
  try {
    await pipeline(streamArchive(archiveFiles(image, names)), createWriteStream(temporary), { signal });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new AshlarError(`cannot write ${path}`, { cause });
  }
  say(`There is no docker daemon here, docker load --input ${basename(path)} brings the image into one`);
}

async function runEngine(
  engine: LoadingEngine,
  args: readonly string[],
  options: Parameters<typeof runProgram>[2],
): Promise<void> {
  const program = findProgram(engine);
  if (program === undefined) {
    throw new AshlarError(`the image is built, but ${engine} is not installed`, {
      hint: `apt install ${engine} | dnf install ${engine} | zypper install ${engine}; or build oci`,
    });
  }
  const { status, stderr } = await runProgram(program, args, options);
  if (status === 0) return;
  const text = stderr.trim() || `exit status ${status}`;
  throw new AshlarError(`the image is built, but ${engine} ${args[0]} has failed`, {
    cause: new AshlarError(text),
  });
}
