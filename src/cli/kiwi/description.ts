/** KIWI descriptions in the commands that know other formats, too: what would be built of one. */
import type { Plan } from '../../plan/types.ts';
import {
  type KiwiChoice,
  type KiwiDescription,
  type KiwiSource,
  listKiwiTypes,
  noChanges,
  noPackageChoice,
  planBuild,
  readKiwi,
  resolveChanged,
  resolveDescription,
} from '../../recipes/kiwi/index.ts';
import type { SourceSpan } from '../../support/errors.ts';
import type { DescriptionFlags } from './description-flags.ts';
import { machineArchitecture } from './machine.ts';
import { platformOf } from './platform.ts';
import { unopenedStashes } from './stashes.ts';

type Warn = (message: string, at: SourceSpan | undefined) => void;

/** What `system build` would build, or `system stackbuild` on stashes. @throws AshlarError for what cannot be built. */
export async function planDescription(directory: string, flags: DescriptionFlags, warn: Warn): Promise<Plan> {
  const choice = choiceOf(flags);
  const { stash: names = [] } = flags;
  const source = await readKiwi({ directory, kiwiFile: flags.kiwiFile });
  return planBuild(resolveChanged(source, choice, noChanges, warn), {
    stack: names.length === 0 ? [] : unopenedStashes({ names, fromRegistry: undefined }),
    platform: platformOf(choice.architecture),
    environment: {},
    packages: noPackageChoice,
    keepsTree: true,
    warn,
  });
}

function choiceOf({ profile = [], type, targetArch = machineArchitecture() }: DescriptionFlags): KiwiChoice {
  return { profiles: [...new Set(profile)], type, architecture: targetArch };
}

/** What is chosen, or all that can be chosen where nothing is. @throws AshlarErrors with all mistakes */
export async function readDescriptions(
  directory: string,
  flags: DescriptionFlags,
): Promise<readonly KiwiDescription[]> {
  const source = await readKiwi({ directory, kiwiFile: flags.kiwiFile });
  return chosenOf(source, choiceOf(flags));
}

export function chosenOf(source: KiwiSource, choice: KiwiChoice): readonly KiwiDescription[] {
  const { profiles, type, architecture } = choice;
  if (profiles.length > 0 || type !== undefined) return [resolveDescription(source, choice)];
  return listKiwiTypes(source, architecture).flatMap(({ profile, types, mistake }) => {
    if (mistake !== undefined) throw mistake;
    return types.map(type =>
      resolveDescription(source, { profiles: profile === null ? [] : [profile], type, architecture }),
    );
  });
}
