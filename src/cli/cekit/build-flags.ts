/** `--build-flag`: what was written for the build command of an engine, and what of it means something here. */

export interface MeantFlags {
  readonly buildArguments: readonly string[];
  readonly platforms: readonly string[];
  readonly tags: readonly string[];
  readonly noCache: boolean;
  /** False: one layer for each statement. */
  readonly squash: boolean | undefined;
  readonly network: 'host' | 'none' | undefined;
  /** What has no meaning here. */
  readonly ignored: readonly string[];
}

/** What makes no difference here: it happens anyway, or is only about the engine's own work. */
const WITHOUT_EFFECT = new Set([
  '--pull',
  '--pull-always',
  '--rm',
  '--force-rm',
  '--quiet',
  '-q',
  '--progress',
  '--isolation',
  '--format=oci',
  // Steps are remembered one by one, whatever the layers of the image are.
  '--layers',
]);

const TAKING_A_VALUE = new Set(['--build-arg', '--platform', '--tag', '-t', '--network', '--format']);

/** The flags in their order; a value may follow as a flag of its own or behind a blank. */
export function readBuildFlags(flags: readonly string[]): MeantFlags {
  const meant = {
    buildArguments: [] as string[],
    platforms: [] as string[],
    tags: [] as string[],
    noCache: false,
    squash: undefined as boolean | undefined,
    network: undefined as 'host' | 'none' | undefined,
    ignored: [] as string[],
  };
  for (const { text, name, value } of joined(flags)) {
    if (name === '--build-arg' && value) meant.buildArguments.push(value);
    else if (name === '--platform' && value) meant.platforms.push(value);
    else if ((name === '--tag' || name === '-t') && value) meant.tags.push(value);
    else if (name === '--network' && (value === 'none' || value === 'host')) meant.network = value;
    else if (name === '--no-cache') meant.noCache = value !== 'false';
    else if (name === '--squash') meant.squash = value !== 'false';
    else if (!WITHOUT_EFFECT.has(name) && !WITHOUT_EFFECT.has(`${name}=${value}`)) meant.ignored.push(text);
  }
  return meant;
}

interface BuildFlag {
  readonly text: string;
  readonly name: string;
  readonly value: string | undefined;
}

function joined(flags: readonly string[]): readonly BuildFlag[] {
  const found: BuildFlag[] = [];
  const words = flags.values();
  for (const text of words) {
    const [, name = text, value] = /^(-[^=\s]*)(?:=|\s+)(.*)$/s.exec(text) ?? [];
    if (value !== undefined || !TAKING_A_VALUE.has(name)) {
      found.push({ text, name, value });
      continue;
    }
    const next = words.next().value;
    found.push({ text: next === undefined ? text : `${text} ${next}`, name, value: next });
  }
  return found;
}
