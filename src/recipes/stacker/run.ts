import type { Import, LabelScript, RunEnvironment, RunStep, Surroundings } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { splitShellWords } from '../../support/shellwords.ts';
import { textOf, type YamlNode } from '../../support/yaml.ts';
import { defaultPath } from '../references.ts';
import { readBinds } from './binds.ts';
import { type Directives, givenValue, type LayerContext, readTextList, readTextMap } from './directives.ts';

const defaultEnvironment = { PATH: defaultPath, container: 'lxc' };

const proxies = ['ftp_proxy', 'http_proxy', 'https_proxy', 'no_proxy'];
const defaultPassThrough = [
  ...proxies,
  ...proxies.map(name => name.toUpperCase()),
  'TERM',
  'SOURCE_DATE_EPOCH',
];

/** What runs in the tree of a layer, and what it finds there. */
interface Scripts {
  readonly shell: Surroundings;
  readonly run?: RunStep;
  readonly labels?: LabelScript;
}

/** What a shell finds in a layer of which there is no description. */
export function undescribedShell(layer: string): Surroundings {
  return {
    environment: {
      defaults: defaultEnvironment,
      passThrough: defaultPassThrough,
      set: { STACKER_LAYER_NAME: layer },
    },
    binds: [],
    importDirectories: ['/stacker/imports'],
  };
}

/** The imports of a layer; `legacy` when the directive was `import`. */
interface LayerImports {
  readonly imports: readonly Import[];
  readonly legacy: boolean;
}

/** The directives `run` and `generate_labels` with what surrounds them. */
export function readScripts(directives: Directives, imported: LayerImports, context: LayerContext): Scripts {
  const { layer, file } = context;
  const run = readScript(directives, 'run');
  const labels = readScript(directives, 'generate_labels');
  const importDirectories = placesOf(imported, [run, labels].map(script => script?.script ?? '').join(''));
  const shell: Surroundings = {
    environment: readRunEnvironment(directives, context),
    binds: readBinds(givenValue(directives, 'binds'), context),
    importDirectories,
  };
  return {
    shell,
    ...(run && {
      run: {
        kind: 'run',
        ...run,
        surroundings: shell,
        createdBy: `stacker build of ${layer}`,
        failure: `run commands failed for image "${layer}" in "${file.name}"`,
      },
    }),
    ...(labels && {
      labels: {
        ...labels,
        surroundings: {
          environment: { defaults: defaultEnvironment, passThrough: [], set: {} },
          binds: [],
          importDirectories,
        },
        directories: ['/oci-labels', '/stacker/oci-labels', '/.stacker/oci-labels'],
        failure: `generate_labels commands failed for image "${layer}" in "${file.name}"`,
      },
    }),
  };
}

/**
 * Where scripts find the imports. Those of `import` were in /stacker in one generation of stacker, and in
 * /stacker/imports in the next; what the scripts say tells which one they were written for.
 */
function placesOf({ imports, legacy }: LayerImports, scripts: string): readonly string[] {
  if (!legacy) return ['/stacker/imports'];
  const newer = scripts.includes('/stacker/imports') && imports.every(({ name }) => name !== 'imports');
  return [newer ? '/stacker/imports' : '/stacker', '/.stacker/imports'];
}

/** The one script that the commands of a directive make; undefined when there is nothing to run. */
function readScript(
  directives: Directives,
  name: string,
): { readonly script: string; readonly at: SourceSpan } | undefined {
  const entry = directives.get(name);
  const text = readCommands(entry?.value).join('\n');
  if (entry === undefined || text === '') return undefined;
  const script = `${text.startsWith('#!') ? '' : '#!/bin/sh -xe\n'}${text}${text.endsWith('\n') ? '' : '\n'}`;
  return { script, at: entry.key.span };
}

/** The words of `cmd`, `entrypoint` or `full_command`; undefined when the layer does not give it. */
export function readCommandLine(directives: Directives, name: string): readonly string[] | undefined {
  const value = givenValue(directives, name);
  if (value === undefined) return undefined;
  const commands = readCommands(value);
  if (value.kind === 'list') return commands;
  try {
    return commands.flatMap(splitShellWords);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(error.message, { at: value.span });
  }
}

/** A string, or a list of strings. Other scalars are refused: `true` unquoted is not the command. */
function readCommands(value: YamlNode | undefined): string[] {
  if (value === undefined) return [];
  switch (value.kind) {
    case 'null':
      return [];
    case 'string':
      return [value.value];
    case 'list':
      return value.items.map(item => {
        if (item.kind === 'string') return item.value;
        throw new AshlarError(`unknown run array type: ${item.kind}`, {
          at: item.span,
          hint: quoteHint(item),
        });
      });
    default:
      throw new AshlarError(`unknown directive type: ${value.kind}`, {
        at: value.span,
        hint: quoteHint(value),
      });
  }
}

function quoteHint(node: YamlNode): string | undefined {
  if (node.kind === 'list' || node.kind === 'null') return undefined;
  return node.kind === 'map' ? 'a text with ": " in it needs quotes' : `put it in quotes: "${textOf(node)}"`;
}

function readRunEnvironment(directives: Directives, context: LayerContext): RunEnvironment {
  const passThrough = readTextList(directives, 'build_env_passthrough');
  for (const { text, at } of passThrough) {
    try {
      new RegExp(`^(?:${text})$`);
    } catch (error) {
      throw new AshlarError(`not a regular expression: ${text}`, { at, cause: error });
    }
  }
  return {
    defaults: defaultEnvironment,
    passThrough: passThrough.length > 0 ? passThrough.map(({ text }) => text) : defaultPassThrough,
    set: {
      ...Object.fromEntries(readVariables(directives, 'build_env', context)),
      STACKER_LAYER_NAME: context.layer,
    },
  };
}

/** Environment variables in the order of the file. */
export function readVariables(
  directives: Directives,
  name: string,
  context: LayerContext,
): [string, string][] {
  return readTextMap(directives, name, context).map(([variable, value, at]) => {
    if (variable.includes('=')) throw new AshlarError(`'=' in the name of a variable: ${variable}`, { at });
    return [variable, value];
  });
}
