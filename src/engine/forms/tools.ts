/** The programs that write file systems: which version is here, and what it can compress with. */
import { statSync } from 'node:fs';
import {
  canWriteErofs,
  canWriteSquashfs,
  type ErofsCompression,
  FALLBACK_SQUASHFS,
  QUICK_SQUASHFS,
  type SquashfsCompression,
} from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { installationOf } from '../../support/programs.ts';
import { type LookContext, once, say } from '../context.ts';
import { keyOf } from '../keys/keys.ts';

export interface SquashfsTool {
  readonly type: 'squashfs';
  readonly version: string;
  readonly compression: SquashfsCompression;
}

interface ErofsTool {
  readonly type: 'erofs';
  readonly version: string;
  readonly compression: ErofsCompression;
}

/** How layers of one type are written here. */
export type WritingTool = SquashfsTool | ErofsTool;

/** mkfs.erofs of Debian 12 has no zstd; the kernel reads lz4hc as quickly as lz4. */
const USUAL_EROFS: ErofsCompression = { compressor: 'lz4hc' };

/** What writes layers of each type. */
const PROGRAMS = { squashfs: 'mksquashfs', erofs: 'mkfs.erofs' } as const;

/**
 * The program for a type of layer, with the wanted compression.
 * @throws AshlarError when it is missing, or has not the compressor that was asked for.
 */
export function writingTool(type: WritingTool['type'], context: LookContext): Promise<WritingTool> {
  return type === 'squashfs' ? squashfsTool(context) : erofsTool(context);
}

/** The same for squashfs. */
export function squashfsTool(context: LookContext): Promise<SquashfsTool> {
  return announced('squashfs', findSquashfsTool, context);
}

function erofsTool(context: LookContext): Promise<ErofsTool> {
  return announced('erofs', findErofsTool, context);
}

function announced<Tool extends WritingTool>(
  type: Tool['type'],
  find: (context: LookContext) => Promise<Tool>,
  context: LookContext,
): Promise<Tool> {
  return once(context, `tool ${type}`, async () => {
    const tool = await find(context);
    context.emit({ kind: 'program-used', program: PROGRAMS[type], version: tool.version });
    return tool;
  });
}

async function findErofsTool(context: LookContext): Promise<ErofsTool> {
  const compression = context.options.forms.erofs ?? USUAL_EROFS;
  const { version, able } = await probe(PROGRAMS.erofs, '-V', compression.compressor, context, path =>
    canWriteErofs(compression.compressor, path),
  );
  if (!able) throw cannot(PROGRAMS.erofs, compression.compressor);
  return { type: 'erofs', version, compression };
}

async function findSquashfsTool(context: LookContext): Promise<SquashfsTool> {
  const { squashfs } = context.options.forms;
  const compression = squashfs ?? QUICK_SQUASHFS;
  const { version, able } = await probe(
    PROGRAMS.squashfs,
    '-version',
    compression.compressor,
    context,
    path => canWriteSquashfs(compression.compressor, path),
  );
  if (able) return { type: 'squashfs', version, compression };
  if (squashfs) throw cannot(PROGRAMS.squashfs, compression.compressor);
  say(context, undefined, 'warning', 'mksquashfs has no zstd here: squashfs layers are compressed with gzip');
  return { type: 'squashfs', version, compression: FALLBACK_SQUASHFS };
}

function cannot(program: string, compressor: string): AshlarError {
  return new AshlarError(`${program} cannot compress with ${compressor} here`, {
    hint: 'choose another compression, or install a newer version',
  });
}

interface Probed {
  readonly version: string;
  readonly able: boolean;
}

/** What a program is and can, remembered until it is another one. */
async function probe(
  program: string,
  versionFlag: string,
  compressor: string,
  { store }: LookContext,
  tryIt: (scratch: string) => Promise<boolean>,
): Promise<Probed> {
  const path = findProgram(program);
  if (path === undefined)
    throw new AshlarError(`cannot find the program ${program}`, { hint: installationOf(program) });
  const { size, mtimeMs } = statSync(path);
  const key = keyOf('program', [['stamp', `${path} ${size} ${mtimeMs} ${compressor}`]]);
  const known = store.database.recall('lookups', key) as Probed | undefined;
  if (known) return known;
  const { stdout, stderr } = await runProgram(path, [versionFlag]);
  const version = /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'unknown';
  const probed = { version, able: await tryIt(store.temporaryPath('probe')) };
  store.database.remember('lookups', key, probed);
  return probed;
}
