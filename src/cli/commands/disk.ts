/** Any image with a kernel becomes a disk from which a machine starts. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  type BuildOptions,
  isReference,
  type MadeOutput,
  openStash,
  systemDirectory,
} from '../../engine/index.ts';
import { hostPlatform, openLayout, parsePlatform } from '../../oci/index.ts';
import type { DiskOutput } from '../../plan/outputs.ts';
import { type DiskChoice, diskOutput, formatSuffixes, isFormatName } from '../../plan/simple-disk.ts';
import type { Base, Plan } from '../../plan/types.ts';
import type { SourceSpan } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { type Followed, type FollowFlags, followed } from '../follow.ts';
import { findRoot, keptTree } from '../kiwi/roots.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { decimalSize } from '../size.ts';
import { printLines } from '../table.ts';
import { buildImages } from './build.ts';
import { buildOptions, type WorkFlags } from './build-options.ts';

export interface DiskFlags
  extends WorkFlags,
    FollowFlags,
    Pick<DiskChoice, 'firmware' | 'loader' | 'legacyBoot' | 'size' | 'verity' | 'initrd' | 'label'> {
  readonly filesystem?: DiskChoice['fileSystem'];
  readonly cmdline?: string;
  readonly title?: string;
  readonly platform?: string;
  readonly hostname?: string;
  /** As in /etc/shadow. */
  readonly rootPassword?: string;
  readonly format: readonly string[];
  /** The raw disk, or a directory for it. */
  readonly out?: string;
  readonly json?: true;
}

/** Makes a disk of an image, and prints what it is. */
export async function disk(globals: GlobalFlags, image: string, flags: DiskFlags): Promise<void> {
  const settings = await readSettings(globals);
  const raw = placeOf(image, flags.out);
  const at: SourceSpan = { file: 'command line', line: 1, column: 1, lineText: `disk ${image}` };
  const options = optionsFor(raw, settings, { ...flags, debug: globals.debug ?? false });
  const made = await followed(globals, flags, async work => {
    await using opened = new AsyncDisposableStack();
    const base = await baseOf(image, at, { settings, options, opened, work });
    const [built] = await buildImages(planFor(base, basename(raw), flags, at), options, work);
    return built?.outputs ?? [];
  });
  printLines(flags.json ? [JSON.stringify(made, null, 2)] : made.flatMap(linesOf));
}

/** `name.raw` in the current directory, or where --out says. */
function placeOf(image: string, out = '.'): string {
  const isDirectory = out.endsWith('/') || statSync(out, { throwIfNoEntry: false })?.isDirectory();
  return resolve(isDirectory ? join(out, `${nameOf(image)}.raw`) : out);
}

/** `debian` of `docker://host/library/debian:12` or `./debian.tar.xz`; of `.` what the directory is called. */
function nameOf(image: string): string {
  const written = image.replace(/@sha256:[0-9a-f]+$/, '').replace(/(?<=[^:/]):[\w.-]+$/, '');
  const last = basename(isReference(image) ? written : resolve(written));
  return last.replace(/\.tar(?:\.\w+)?$/, '').replace(/^[a-z-]+:/, '') || 'disk';
}

/** Nothing of the directory that the user is in is needed, or changed. */
function optionsFor(raw: string, settings: Settings, flags: DiskFlags): BuildOptions {
  const work = systemDirectory(settings.store, raw);
  const result = { layerType: ['tar'], compression: 'zstd', network: 'none' } as const;
  return {
    ...buildOptions(settings, { ...flags, ...result }),
    output: join(work, 'images'),
    project: { work, roots: join(work, 'roots') },
    results: dirname(raw),
  };
}

interface Surroundings {
  readonly settings: Settings;
  readonly options: BuildOptions;
  /** Takes what is to go when the disk is made. */
  readonly opened: AsyncDisposableStack;
  readonly work: Followed;
}

/** A tag of the layout; a tar archive, a layout or a tree by its path; a reference, or a stash. */
async function baseOf(image: string, at: SourceSpan, surroundings: Surroundings): Promise<Base> {
  const { settings, options, opened, work } = surroundings;
  const { store, ociDir } = settings;
  if (!isReference(image) && (await tagsOf(ociDir)).includes(image))
    return { kind: 'image', reference: `oci:${resolve(ociDir)}:${image}`, insecure: false, at };
  const status = statSync(image, { throwIfNoEntry: false });
  if (status?.isFile()) {
    const source = { kind: 'file', path: resolve(image), at } as const;
    return { kind: 'tar', source, createdBy: `ashlar disk ${basename(image)}`, at };
  }
  if (status?.isDirectory() && existsSync(join(image, 'oci-layout'))) return findRoot(image);
  if (status?.isDirectory()) return { ...(await keptTree(image, options, work)), at };
  const { signal } = work;
  const stash = await openStash(image, { store, at, temporary: options.project.work, signal });
  return opened.use(stash).base;
}

async function tagsOf(ociDir: string): Promise<readonly string[]> {
  if (!existsSync(join(ociDir, 'oci-layout'))) return [];
  return (await (await openLayout(ociDir)).tags()).map(({ tag }) => tag);
}

function planFor(base: Base, file: string, flags: DiskFlags, at: SourceSpan): Plan {
  const platform = flags.platform === undefined ? hostPlatform() : parsePlatform(flags.platform);
  const surroundings = {
    environment: { defaults: {}, passThrough: [], set: {} },
    binds: [],
    importDirectories: [],
  };
  const image = {
    name: file,
    base,
    imports: [],
    steps: [],
    shell: surroundings,
    config: { environment: [], labels: {}, volumes: [] },
    annotations: {},
    platform,
    emit: false,
    outputs: [outputOf(file, platform.architecture, flags, at)],
    after: [],
    createdBy: 'ashlar disk',
    at,
  };
  return { images: [image] };
}

function outputOf(file: string, architecture: string, flags: DiskFlags, at: SourceSpan): DiskOutput {
  const { filesystem, cmdline, format } = flags;
  const formats = format.map(name => {
    if (isFormatName(name)) return name;
    throw new UsageError(`${name} is no format of disks`, { hint: Object.keys(formatSuffixes).join(', ') });
  });
  const words = {
    ...flags,
    formats,
    ...(filesystem !== undefined && { fileSystem: filesystem }),
    ...(cmdline !== undefined && { commandLine: cmdline }),
  };
  const name = file.replace(/\.raw$/, '');
  // Whatever the name of the raw disk ends with.
  return { ...diskOutput(words, { name, architecture, at }), file };
}

function linesOf({ path, bytes, sha256, tree, disk, cached }: MadeOutput): readonly string[] {
  return [
    `${path}  ${decimalSize(bytes)}${cached ? ', as before' : ''}`,
    `  sha256  ${sha256}`,
    `  tree    ${tree}`,
    ...(disk ? [`  kernel  ${disk.kernel ?? 'none'}`] : []),
    ...(disk?.rootHash === undefined ? [] : [`  verity  ${disk.rootHash}`]),
    ...(disk?.partitions ?? []).map(
      ({ number, partitionName, size, fileSystem }) =>
        `  ${number}  ${partitionName}  ${decimalSize(size)}${fileSystem ? `  ${fileSystem.type}  ${fileSystem.uuid}` : ''}`,
    ),
  ];
}
