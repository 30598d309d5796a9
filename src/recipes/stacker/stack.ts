/** Stacks: the layers of several bases, one above the other. */
import type { StackBase } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { didYouMean } from '../../support/suggest.ts';
import { keyName, showYaml, textOf, type YamlList, type YamlNode } from '../../support/yaml.ts';
import { type Directives, givenValue, type LayerContext, readDirectives, readText } from './directives.ts';
import { readSource } from './from.ts';
import { entriesOf } from './maps.ts';
import { conflictPolicies, fromKeys, libraryCaches, stackKeys } from './vocabulary.ts';

/**
 * A stack. Its parts are the list that stands for `from`, or the `layers` beside or in it.
 * @param layer The directives of the layer.
 * @param from The directives in `from`; none where that is a list.
 */
export function readStack(
  list: YamlList | undefined,
  layer: Directives,
  from: Directives,
  at: SourceSpan,
  context: LayerContext,
): StackBase {
  const layers = stackKey('layers', layer, from);
  if (list !== undefined && layers !== undefined) {
    throw new AshlarError("'layers' and a list in 'from' are two lists of what is stacked", {
      at: layers.span,
      hint: 'give one of them',
    });
  }
  return {
    kind: 'stack',
    parts: readParts(list ?? layers, at, context),
    conflicts: readConflicts(stackKey('conflicts', layer, from), context),
    libraryCache: readLibraryCache(stackKey('library_cache', layer, from)),
    createdBy: `stacker build of ${context.layer}`,
    at,
  };
}

/** Refuses what only stacks have in a layer, or a base, that is none. */
export function refuseStackKeys(directives: Directives): void {
  for (const name of Object.keys(stackKeys)) {
    if (givenValue(directives, name) === undefined) continue;
    throw new AshlarError(`'${name}' needs a stack in 'from'`, {
      at: directives.get(name)?.key.span,
      hint: `write from: {type: stack}, or a list of bases`,
    });
  }
}

/** A setting of a stack, from the layer or from the map in `from`. */
function stackKey(name: string, layer: Directives, from: Directives): YamlNode | undefined {
  const [beside, within] = [givenValue(layer, name), givenValue(from, name)];
  if (beside !== undefined && within !== undefined) {
    throw new AshlarError(`'${name}' is given twice, in 'from' and beside it`, {
      at: layer.get(name)?.key.span,
      hint: 'give it once',
    });
  }
  return beside ?? within;
}

function readParts(list: YamlNode | undefined, at: SourceSpan, context: LayerContext): StackBase['parts'] {
  if (list !== undefined && list.kind !== 'list')
    throw new AshlarError(`'layers' expected a list, found ${list.kind}: ${showYaml(list)}`, {
      at: list.span,
    });
  if (list === undefined || list.items.length === 0) {
    throw new AshlarError(`${context.layer}: from layers cannot be empty for image type 'stack'`, {
      at: list?.span ?? at,
      hint: 'name what is stacked, the lowest first: layers: [{type: built, tag: a}, {type: built, tag: b}]',
    });
  }
  return list.items.map(item => readPart(item, context));
}

function readPart(node: YamlNode, context: LayerContext): StackBase['parts'][number] {
  const at = node.span;
  if (node.kind !== 'map') {
    throw new AshlarError(`a part of a stack expected a map, found ${node.kind}: ${showYaml(node)}`, {
      at,
      hint: 'for example {type: built, tag: a}',
    });
  }
  const directives = readDirectives(node, fromKeys, 'image source directive', context);
  if (readText(directives, 'type') === 'stack') {
    throw new AshlarError('a stack cannot be part of a stack', {
      at: directives.get('type')?.value.span,
      hint: 'name its parts here, or make it a layer and name that with {type: built, tag: …}',
    });
  }
  refuseStackKeys(directives);
  return readSource(directives, at, context);
}

/** The key that stands for all paths that no pattern matches. */
const DEFAULT = 'default';

function readConflicts(node: YamlNode | undefined, { options }: LayerContext): StackBase['conflicts'] {
  if (node === undefined) return { policy: 'warn', paths: [] };
  if (node.kind !== 'map') return { policy: readWord(node, 'conflicts', conflictPolicies), paths: [] };
  const policies = entriesOf(node, options).map(({ key, value }) => {
    const glob = keyName(key);
    if (glob !== DEFAULT && !glob.startsWith('/')) {
      throw new AshlarError(`'conflicts' expected a pattern of absolute paths, found ${glob}`, {
        at: key.span,
        hint: didYouMean(glob, [DEFAULT]) ?? `write it as /${glob}, or as /**/${glob} for every directory`,
      });
    }
    return { glob, policy: readWord(value, `conflicts.${glob}`, conflictPolicies) };
  });
  return {
    policy: policies.find(({ glob }) => glob === DEFAULT)?.policy ?? 'warn',
    paths: policies.filter(({ glob }) => glob !== DEFAULT),
  };
}

function readLibraryCache(node: YamlNode | undefined): StackBase['libraryCache'] {
  return node === undefined ? 'regenerate' : readWord(node, 'library_cache', libraryCaches);
}

/** One of the words that a setting knows. */
function readWord<W extends string>(node: YamlNode, name: string, words: Readonly<Record<W, string>>): W {
  const known = Object.keys(words) as W[];
  const text = textOf(node);
  const word = known.find(candidate => candidate === text);
  if (word !== undefined) return word;
  throw new AshlarError(`'${name}' expected one of ${known.join(', ')}, found ${text ?? showYaml(node)}`, {
    at: node.span,
    hint: text === undefined ? undefined : didYouMean(text, known),
  });
}
