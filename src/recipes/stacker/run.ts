import type { RunStep } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { splitShellWords } from '../../support/shellwords.ts';
import { textOf, type YamlNode } from '../../support/yaml.ts';
import { readBinds } from './binds.ts';
import { type Directives, givenValue, type LayerContext, readTextList, readTextMap } from './directives.ts';

/** What a script of stacker finds in `PATH`, and an image that says nothing about it gets. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const proxies = ['ftp_proxy', 'http_proxy', 'https_proxy', 'no_proxy'];
const defaultPassThrough = [
  ...proxies,
  ...proxies.map(name => name.toUpperCase()),
  'TERM',
  'SOURCE_DATE_EPOCH',
];

/** The step for `run` with what surrounds it, or undefined when there is nothing to run. */
export function readRun(
  directives: Directives,
  legacyImports: boolean,
  context: LayerContext,
): RunStep | undefined {
  const { layer, file } = context;
  const environment = readRunEnvironment(directives, context);
  const binds = readBinds(givenValue(directives, 'binds'), context);
  const run = directives.get('run');
  const text = readCommands(run?.value).join('\n');
  if (run === undefined || text === '') return undefined;
  return {
    kind: 'run',
    script: `${text.startsWith('#!') ? '' : '#!/bin/sh -xe\n'}${text}${text.endsWith('\n') ? '' : '\n'}`,
    environment,
    binds,
    importDirectories: legacyImports ? ['/stacker', '/.stacker/imports'] : ['/stacker/imports'],
    createdBy: `stacker build of ${layer}`,
    failure: `run commands failed for image "${layer}" in "${file.name}"`,
    at: run.key.span,
  };
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

function readRunEnvironment(directives: Directives, context: LayerContext): RunStep['environment'] {
  const passThrough = readTextList(directives, 'build_env_passthrough');
  for (const { text, at } of passThrough) {
    try {
      new RegExp(`^(?:${text})$`);
    } catch (error) {
      throw new AshlarError(`not a regular expression: ${text}`, { at, cause: error });
    }
  }
  return {
    defaults: { PATH: defaultPath, container: 'lxc' },
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
