import { resolve } from 'node:path';
import type { CopyStep } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { showYaml, type YamlNode } from '../../support/yaml.ts';
import { type Directives, givenValue, hostPath, type LayerContext, readPath } from './directives.ts';
import { readLenientMap } from './maps.ts';
import { overlayDirKeys } from './vocabulary.ts';

/** The directive `overlay_dirs`. */
export function readOverlayDirs(directives: Directives, context: LayerContext): CopyStep[] {
  const value = givenValue(directives, 'overlay_dirs');
  if (value === undefined) return [];
  if (value.kind !== 'list') {
    throw new AshlarError(`'overlay_dirs' expected a list, found ${value.kind}: ${showYaml(value)}`, {
      at: value.span,
    });
  }
  return value.items.map(item => readOverlayDir(item, context));
}

function readOverlayDir(node: YamlNode, context: LayerContext): CopyStep {
  const fields =
    node.kind === 'map' ? readLenientMap(node, overlayDirKeys, 'overlay_dirs', context.options) : undefined;
  const source = readPath(fields?.get('source'));
  if (!source) {
    throw new AshlarError(`an entry of 'overlay_dirs' needs a source: ${showYaml(node)}`, {
      at: node.span,
      hint: 'write it as {source: directory, dest: /path}',
    });
  }
  const at = fields?.get('source')?.span ?? node.span;
  const path = hostPath(source, context);
  return {
    kind: 'copy',
    items: [
      {
        source: {
          kind: 'file',
          path,
          directory: true,
          messages: {
            missing: `Given overlay_dir ${path} doesn't exists`,
            notDirectory: `Given overlay_dir ${path} should be a directory`,
          },
          at,
        },
        target: resolve('/', readPath(fields?.get('dest'))),
        keep: 'all',
        uid: 0,
        gid: 0,
        at: node.span,
      },
    ],
    createdBy: `stacker overlay dir for ${context.layer}`,
    at: node.span,
  };
}
