import type { ApplyStep, ImageBase } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { showYaml, textOf, type YamlNode } from '../../support/yaml.ts';
import { readReference } from '../references.ts';
import {
  type Directives,
  givenValue,
  type LayerContext,
  readDirectives,
  readFlag,
  readText,
} from './directives.ts';
import { applyKeys } from './vocabulary.ts';

/** The directive `apply`: one step for each image. */
export function readApply(directives: Directives, context: LayerContext): ApplyStep[] {
  const list = givenValue(directives, 'apply');
  if (list === undefined) return [];
  if (list.kind !== 'list') {
    throw new AshlarError(`'apply' expected a list, found ${list.kind}: ${showYaml(list)}`, {
      at: list.span,
      hint: 'for example ["docker://foo:latest"]',
    });
  }
  return list.items.map(item => ({
    kind: 'apply',
    image: readApplied(item, context),
    considerTimes: context.options.considerTimestamps,
    createdBy: `stacker build of ${context.layer}`,
    at: item.span,
  }));
}

/** A reference, or a map of one and whether its registry may be asked without TLS. */
function readApplied(node: YamlNode, context: LayerContext): ImageBase {
  const fields =
    node.kind === 'map' ? readDirectives(node, applyKeys, 'apply directive', context) : undefined;
  const url = fields ? readText(fields, 'url') : textOf(node);
  if (!url) {
    throw new AshlarError(`an entry of 'apply' needs an image: ${showYaml(node)}`, {
      at: node.span,
      hint: 'for example "docker://foo:latest", or {url: "docker://foo:latest", insecure: true}',
    });
  }
  const insecure = fields !== undefined && readFlag(fields, 'insecure');
  return readReference(url, insecure, fields?.get('url')?.value.span ?? node.span, context.options.cwd);
}
