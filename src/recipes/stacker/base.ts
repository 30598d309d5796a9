import type { Base } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { showYaml, type YamlNode } from '../../support/yaml.ts';
import { type Directives, type LayerContext, readDirectives, readText } from './directives.ts';
import { readSource } from './from.ts';
import { readStack, refuseStackKeys } from './stack.ts';
import { fromKeys } from './vocabulary.ts';

/** What a layer starts from: the directive `from`, and beside it those of a stack. */
export function readBase(layer: Directives, from: YamlNode, context: LayerContext): Base {
  const at = from.span;
  if (from.kind === 'list') return readStack(from, layer, new Map(), at, context);
  if (from.kind !== 'map') {
    throw new AshlarError(`'from' expected a map, found ${from.kind}: ${showYaml(from)}`, {
      at,
      hint: 'for example {type: docker, url: "docker://debian:stable"}',
    });
  }
  const directives = readDirectives(from, fromKeys, 'image source directive', context);
  if (readText(directives, 'type') === 'stack') return readStack(undefined, layer, directives, at, context);
  refuseStackKeys(layer);
  refuseStackKeys(directives);
  return readSource(directives, at, context);
}
