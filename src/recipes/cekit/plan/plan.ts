/** A description as a Plan. */
import { formatPlatform, type Platform } from '../../../oci/index.ts';
import type { Base, ImagePlan, Plan } from '../../../plan/types.ts';
import { plannedOutputs } from '../../outputs.ts';
import { buildContext, sectionsOf } from '../dockerfile/context.ts';
import { type StageStatements, statementsOf } from '../dockerfile/statements.ts';
import { dockerfileWords, literalWords } from '../dockerfile/words.ts';
import type { Description, Located } from '../model.ts';
import type { CekitOptions } from '../options.ts';
import { dockerfileValues, literalValues } from '../values.ts';
import { givenArguments, unknownArguments } from './arguments.ts';
import { pinPackages } from './pins.ts';
import { referencedImage } from './references.ts';
import { checkOutArtifacts } from './sources.ts';
import { plainImage, stageImage } from './stage.ts';
import type { Meaning } from './steps.ts';

export type PlanOptions = Pick<
  CekitOptions,
  | 'buildArguments'
  | 'cacheUrl'
  | 'checkout'
  | 'cwd'
  | 'environment'
  | 'layers'
  | 'literalValues'
  | 'lock'
  | 'platforms'
  | 'tags'
  | 'version'
  | 'warn'
>;

/**
 * The Plan of a description: for each platform the images that it names by reference, its builders and its target, of
 * which only the last is handed out. Git artifacts are checked out for it, and it is looked which paths of artifacts
 * are directories.
 * Throws an `AshlarError` for what cannot be built.
 */
export async function planDescription(description: Description, options: PlanOptions): Promise<Plan> {
  const pinned = pinPackages(description, options.lock);
  const given = givenArguments(options);
  const stages = [...pinned.builders, pinned.target];
  for (const name of unknownArguments(given, stages, sectionsOf(pinned))) {
    options.warn(`no descriptor declares the build argument ${name}`);
  }
  const meaning: SharedMeaning = {
    values: options.literalValues ? literalValues : dockerfileValues,
    given,
    checkouts: await checkOutArtifacts(sectionsOf(pinned), options),
    printing: {
      context: buildContext(pinned, { osbs: false }),
      words: options.literalValues ? literalWords : dockerfileWords,
    },
    options,
  };
  const statements = statementsOf(pinned, options);
  return {
    images: options.platforms.flatMap(platform => platformImages(statements, platform, meaning, options)),
  };
}

type SharedMeaning = Omit<Meaning, 'image' | 'platform' | 'nameOf'>;

function platformImages(
  stages: readonly StageStatements[],
  platform: Platform,
  meaning: SharedMeaning,
  options: PlanOptions,
): readonly ImagePlan[] {
  const names = new Names(options.platforms.length > 1 ? `@${formatPlatform(platform)}` : '');
  const target = stages.at(-1)?.stage.name.text;
  // The name of the target is what people know.
  const targetName = target === undefined ? undefined : names.unique(target);
  const referenced = new Map<string, ImagePlan>();
  const built = new Map<string, string>();

  const nameOf = (image: Located): string => {
    const known = built.get(image.text) ?? referenced.get(image.text)?.name;
    if (known !== undefined) return known;
    const base = referencedImage(image, options);
    const plan = plainImage({ name: names.unique(image.text), base, platform, emit: false, at: image.at });
    referenced.set(image.text, plan);
    return plan.name;
  };
  const baseOf = (from: Located): Base => {
    const image = built.get(from.text);
    if (image !== undefined) return { kind: 'built', image, at: from.at };
    return from.text === 'scratch' ? { kind: 'scratch', at: from.at } : referencedImage(from, options);
  };

  // Files for several platforms are beside each other.
  const ofPlatform = options.platforms.length > 1 ? `-${platform.architecture}${platform.variant ?? ''}` : '';
  const images = stages.map(statements => {
    const { stage, builder } = statements;
    const { name, version, from, at } = stage;
    const image = builder ? names.unique(name.text) : (targetName ?? name.text);
    const tags =
      options.tags.length > 0 ? options.tags : [`${name.text}:${version.text}`, `${name.text}:latest`];
    const outputs =
      stage.outputs && plannedOutputs(stage.outputs, { name: name.text + ofPlatform, platform });
    const plan = stageImage(
      statements,
      {
        name: image,
        base: baseOf(from),
        platform,
        emit: !builder && outputs?.forms.length !== 0,
        ...(builder ? {} : { tags }),
        ...outputs,
        at,
      },
      options.layers,
      { ...meaning, image, platform, nameOf },
    );
    built.set(name.text, image);
    return plan;
  });
  return [...referenced.values(), ...images];
}

/** Gives names that no other image of the plan has. */
class Names {
  readonly #suffix: string;
  readonly #taken = new Set<string>();

  constructor(suffix: string) {
    this.#suffix = suffix;
  }

  unique(wanted: string): string {
    for (let n = 1; ; n++) {
      const name = `${wanted}${n === 1 ? '' : ` (${n})`}${this.#suffix}`;
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }
}
