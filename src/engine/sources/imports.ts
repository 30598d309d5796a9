/**
 * The imports of images, copied to where scripts see them. They stay there from build to build, so that people and
 * scripts can look at them, and what did not change is not copied again.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ImagePlan, Import } from '../../plan/types.ts';
import type { BuildContext } from '../context.ts';
import { SCRIPT } from '../inside/staging.ts';
import { canonical } from '../keys/keys.ts';
import { checkUnchanged } from '../steps/steps.ts';
import type { ResolvedSource } from './sources.ts';

/** What was copied to a name, and how the copy can be told from anything else that may stand there later. */
interface Staged {
  readonly what: string;
  readonly stamp: string;
}

/**
 * Brings the directory of an image's imports up to date; returns its path. Only uid 0 of the build's namespaces may
 * write there, so that process is started if there is something to do, and only then.
 */
export async function stageImports(
  plan: ImagePlan,
  resolved: readonly ResolvedSource[],
  context: BuildContext,
): Promise<string> {
  const { project, workshop, options, signal } = context;
  const directory = project.importsOf(plan.name);
  const record = project.importsRecordOf(plan.name);
  mkdirSync(directory, { recursive: true });
  // Scripts of every user may read it, whatever mask files of ours are made with.
  if ((statSync(directory).mode & 0o7777) !== 0o755) chmodSync(directory, 0o755);

  const known = recall(options.noCache ? {} : readRecord(record), directory);
  // Of two imports with one name the last one counts.
  const wanted = new Map(plan.imports.map((entry, i) => [entry.name, wantedAs(entry, resolved[i])]));
  const entries = [...wanted.values()];
  const missing = entries.filter(({ name, what }) => known[name]?.what !== what);
  const superfluous = Object.keys(known).filter(name => !wanted.has(name));
  if (missing.length === 0 && superfluous.length === 0) return directory;

  // As long as there is no record nobody trusts the directory: we may be killed at any time.
  rmSync(record, { force: true });
  const imports = await Promise.all(
    missing.map(async ({ name, mode, uid, gid, source }) => {
      const owner = { uid, gid, ...(mode === undefined ? {} : { mode }) };
      return { name, location: await source.locate(), ...owner };
    }),
  );
  const keep = entries.filter(entry => !missing.includes(entry)).map(({ name }) => name);
  await workshop.call('stage', { directory, keep, imports }, { signal });
  await Promise.all(
    plan.imports.map(({ source, name }, i) =>
      keep.includes(name) ? undefined : checkUnchanged(source, resolved[i], { context, plan }),
    ),
  );
  remember(
    record,
    entries.map(({ name, what }) => [name, { what, stamp: stampOf(join(directory, name)) ?? '' }]),
  );
  return directory;
}

type StagedByName = Readonly<Record<string, Staged>>;

interface Wanted {
  readonly name: string;
  readonly source: ResolvedSource;
  readonly mode: number | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly what: string;
}

function wantedAs({ name, mode, uid = 0, gid = 0 }: Import, source: ResolvedSource | undefined): Wanted {
  if (!source) throw new Error(`the import ${name} was not looked up`);
  return { name, source, mode, uid, gid, what: canonical([source.identity, mode, uid, gid]) };
}

/** What is in the directory, by name. What is unknown or not as it was left stands for itself, as nothing we want. */
function recall(recorded: StagedByName, directory: string): StagedByName {
  const names = readdirSync(directory).filter(name => name !== SCRIPT);
  return Object.fromEntries(
    names.map(name => {
      const staged = recorded[name];
      const trusted = staged && staged.stamp === stampOf(join(directory, name));
      return [name, trusted ? staged : { what: 'unknown', stamp: '' }];
    }),
  );
}

function readRecord(path: string): StagedByName {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Missing or damaged: everything is copied again.
    return {};
  }
}

function remember(record: string, staged: readonly (readonly [string, Staged])[]): void {
  mkdirSync(dirname(record), { recursive: true });
  writeFileSync(`${record}.new`, JSON.stringify(Object.fromEntries(staged)));
  renameSync(`${record}.new`, record);
}

/** Changes with everything that is done to a file, and with most that is done to a directory. */
function stampOf(path: string): string | undefined {
  const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return status && [status.ino, status.size, status.mtimeNs, status.ctimeNs].join(' ');
}
