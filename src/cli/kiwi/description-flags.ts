/** Flags of KIWI descriptions in the commands that know other formats, too. */

/** What decides what a description becomes, as commander gives it. */
export interface DescriptionFlags {
  /** A directory. */
  readonly description?: string;
  readonly profile?: readonly string[];
  readonly type?: string;
  readonly kiwiFile?: string;
  readonly targetArch?: string;
  /** What it is to be built on; need not be there. */
  readonly stash?: readonly string[];
  /** Of the build that is meant. */
  readonly targetDir?: string;
}

/** The flags that were given, as they are written. */
export function givenDescriptionFlags(flags: DescriptionFlags): readonly string[] {
  const given: Readonly<Record<string, boolean>> = {
    '--profile': (flags.profile ?? []).length > 0,
    '--type': flags.type !== undefined,
    '--kiwi-file': flags.kiwiFile !== undefined,
    '--target-arch': flags.targetArch !== undefined,
    '--stash': (flags.stash ?? []).length > 0,
    '--target-dir': flags.targetDir !== undefined,
  };
  return Object.keys(given).filter(name => given[name]);
}
