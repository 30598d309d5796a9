import type { Platform } from '../../oci/index.ts';
import type { ImagePlan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { showYaml } from '../../support/yaml.ts';
import { plannedOutputs, readOutputs } from '../outputs.ts';
import { readApply } from './apply.ts';
import { readBase } from './base.ts';
import {
  type Directives,
  givenValue,
  type LayerContext,
  readDirectives,
  readFlag,
  readText,
} from './directives.ts';
import type { LayerText, StackerFile } from './file.ts';
import { readImageConfig, readTexts } from './image-config.ts';
import { readImports } from './imports.ts';
import type { StackerOptions } from './options.ts';
import { readOverlayDirs } from './overlay-dirs.ts';
import { readScripts } from './run.ts';
import { layerKeys } from './vocabulary.ts';

/** The image that a layer of a stacker file describes, without the order among the layers. */
export function readLayer(
  { name, value, at }: LayerText,
  file: StackerFile,
  fileAnnotations: Readonly<Record<string, string>>,
  options: StackerOptions,
): Omit<ImagePlan, 'after'> {
  const context: LayerContext = { layer: name, file, options };
  if (value.kind !== 'map') {
    throw new AshlarError(
      `layer '${name}' expected a map of directives, found ${value.kind}: ${showYaml(value)}`,
      {
        at: value.kind === 'null' ? at : value.span,
      },
    );
  }
  const directives = readDirectives(value, layerKeys, 'directive', context);
  warnAboutBom(directives, context);

  const from = givenValue(directives, 'from');
  if (from === undefined) throw new AshlarError('invalid layer: no base (from directive)', { at });
  const base = readBase(directives, from, context);
  const { imports, copies, legacy } = readImports(directives, context);
  const platform = readPlatform(directives, options.hostPlatform);
  const { shell, run, labels } = readScripts(directives, { imports, legacy }, context);
  return {
    name,
    base,
    imports,
    steps: [
      ...readOverlayDirs(directives, context),
      ...copies,
      ...readApply(directives, context),
      ...(run === undefined ? [] : [run]),
    ],
    shell,
    ...(labels === undefined ? {} : { labels }),
    config: readImageConfig(directives, context),
    annotations: { ...readTexts(directives, 'annotations', context), ...fileAnnotations },
    platform,
    ...readResults(directives, { name, platform }, context),
    createdBy: 'stacker build',
    at,
  };
}

/** Whether it is an image of the output, and what else becomes of it. */
function readResults(
  directives: Directives,
  image: Pick<ImagePlan, 'name' | 'platform'>,
  { options }: LayerContext,
): Pick<ImagePlan, 'emit' | 'forms' | 'outputs'> {
  const buildOnly = readFlag(directives, 'build_only');
  const list = givenValue(directives, 'outputs');
  if (list === undefined) return { emit: !buildOnly };
  const wanted = readOutputs(list, (message, at) => options.warn(message, at, 'repeated-key'));
  const emit = wanted.forms.length > 0;
  if (buildOnly && emit)
    throw new AshlarError("a 'build_only' layer is no image of the output, as its 'outputs' say", {
      at: list.span,
      hint: "leave 'build_only' out, or oci, squashfs and erofs",
    });
  return { emit, ...plannedOutputs(wanted, image) };
}

function readPlatform(directives: Directives, host: Platform): Platform {
  for (const name of ['os', 'arch']) {
    const entry = directives.get(name);
    if (entry !== undefined && readText(directives, name) === undefined) {
      throw new AshlarError(`stackerfile: "${name}" value cannot be empty`, { at: entry.key.span });
    }
  }
  const os = readText(directives, 'os') ?? host.os;
  const architecture = readText(directives, 'arch');
  // A variant belongs to the architecture it was found with.
  return architecture === undefined ? { ...host, os } : { os, architecture };
}

function warnAboutBom(directives: Directives, { layer, file, options }: LayerContext): void {
  const bom = directives.get('bom');
  if (bom === undefined) return;
  options.warn(
    `'bom' directive used in layer '${layer}' inside file '${file.name}' is deprecated. Support for 'bom' is removed ` +
      'in releases after 2026-03-10.',
    bom.key.span,
    'deprecated',
  );
}
