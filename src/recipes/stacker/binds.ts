import type { Bind } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { showYaml, type YamlNode } from '../../support/yaml.ts';
import { hostPath, type LayerContext, readPath } from './directives.ts';
import { readLenientMap } from './maps.ts';
import { bindKeys } from './vocabulary.ts';

/** The directive `binds`: a list of `"source"`, `"source -> dest"` and `{source, dest}`, or one of the strings. */
export function readBinds(value: YamlNode | undefined, context: LayerContext): Bind[] {
  if (value === undefined) return [];
  return (value.kind === 'list' ? value.items : [value]).map(item => readBind(item, context));
}

function readBind(node: YamlNode, context: LayerContext): Bind {
  const { source, dest } = bindPaths(node, context);
  // Stacker resolves the place in the container like the one of the host.
  return { source: hostPath(source, context), target: hostPath(dest || source, context), at: node.span };
}

function bindPaths(node: YamlNode, context: LayerContext): { source: string; dest: string } {
  if (node.kind === 'string') {
    const [source = '', arrow, dest, ...rest] = node.value.trim().split(/\s+/);
    if (source !== '' && arrow === undefined) return { source, dest: source };
    if (source !== '' && arrow === '->' && dest !== undefined && rest.length === 0) return { source, dest };
    throw new AshlarError(`invalid Bind: ${node.value}`, {
      at: node.span,
      hint: 'write it as "source -> dest"',
    });
  }
  if (node.kind !== 'map') {
    throw new AshlarError(`unexpected 'bind' data of type: ${node.kind}: ${showYaml(node)}`, {
      at: node.span,
    });
  }
  const fields = readLenientMap(node, bindKeys, 'bind', context.options);
  const source = readPath(fields.get('source'));
  if (!source) {
    throw new AshlarError(`unexpected 'bind': missing required field 'source': ${showYaml(node)}`, {
      at: node.span,
    });
  }
  return { source, dest: readPath(fields.get('dest')) };
}
