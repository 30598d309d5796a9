/** Which scenarios are run. */
import { AshlarError, messageOf } from '../../../support/errors.ts';
import type { Scenario } from './features.ts';
import type { Feature } from './find.ts';

export interface Selection {
  /** The name of the image, without its version. */
  readonly image: string;
  /** Only what is tagged so. */
  readonly wip: boolean;
  /** Regular expressions, found anywhere in the name of a scenario, whatever its tags. */
  readonly names: readonly string[];
  /** Regular expressions, found anywhere in the name of a feature file. */
  readonly include?: string;
  readonly exclude?: string;
}

/** Those that are wanted. @throws AshlarError for what is no regular expression. */
export function selectScenarios(features: readonly Feature[], selection: Selection): readonly Scenario[] {
  const { include, exclude, names } = selection;
  const [included, excluded] = [include, exclude].map(text =>
    text === undefined ? undefined : expression(text),
  );
  const named = names.map(expression);
  const tags = selection.wip ? ['wip'] : tagsFor(selection.image);
  const isWanted = ({ name, tags: has }: Scenario) => {
    if (has.includes('ignore')) return false;
    return named.length > 0 ? named.some(regex => regex.test(name)) : tags.some(tag => has.includes(tag));
  };
  return features
    .filter(({ name }) => (included?.test(name) ?? true) && !excluded?.test(name))
    .flatMap(({ scenarios }) => scenarios.filter(isWanted));
}

/** Of `group/image`: those for the whole group, too. */
function tagsFor(image: string): readonly string[] {
  const [group = '', ...rest] = image.split('/');
  return rest.length > 0 ? [group, image] : [image];
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (cause) {
    throw new AshlarError(`not a regular expression: ${text}`, { hint: messageOf(cause), cause });
  }
}
