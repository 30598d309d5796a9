import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AshlarError, messageOf, type SourceSpan } from '../../support/errors.ts';
import {
  applyEdits,
  type Edit,
  type SourceText,
  sourceText,
  spanBetween,
} from '../../support/source-text.ts';
import { parseYaml, textOf } from '../../support/yaml.ts';
import type { StackerOptions } from './options.ts';

export interface Substitution {
  readonly key: string;
  readonly value: string;
}

/** What placeholders are replaced by: from the command line, then from files, then the built-in ones. */
export async function readSubstitutions(options: StackerOptions): Promise<Substitution[]> {
  const substitutions = options.substitutions.map(parsePair);
  for (const file of options.substituteFiles) {
    for (const substitution of await readSubstituteFile(file, options.cwd)) {
      const earlier = substitutions.find(({ key }) => key === substitution.key);
      if (earlier === undefined) substitutions.push(substitution);
      else
        options.debug(`ignoring substitution ${show(substitution)}, since ${show(earlier)} already exists`);
    }
  }
  return [
    ...substitutions,
    { key: 'STACKER_ROOTFS_DIR', value: options.rootsDir },
    { key: 'STACKER_STACKER_DIR', value: options.stackerDir },
    { key: 'STACKER_OCI_DIR', value: options.ociDir },
    { key: 'STACKER_WORK_DIR', value: options.workDir },
  ];
}

type SubstituteOptions = Pick<StackerOptions, 'strictSubstitution' | 'missingValue' | 'warn' | 'debug'>;

/**
 * The text with its placeholders replaced. Pairs are applied one after another, so a value may hold a placeholder
 * for a later key. What is left of `${{KEY:default}}` then becomes its default; a `${{KEY}}` that is left is an error.
 */
export function substitute(
  source: SourceText,
  substitutions: readonly Substitution[],
  options: SubstituteOptions,
): SourceText {
  let result = source;
  const unsupported: SourceSpan[] = [];
  for (const substitution of substitutions) {
    const found = findPlaceholders(result.text, substitution.key);
    const refused = found.filter(({ doubleBraces }) => options.strictSubstitution && !doubleBraces);
    unsupported.push(
      ...refused.map(placeholder => warnOfPlaceholder(result, placeholder, substitution, options)),
    );
    const replaced = found.filter(placeholder => !refused.includes(placeholder));
    result = applyEdits(
      result,
      replaced.map(({ start, end }) => ({ start, end, text: substitution.value })),
    );
    const used = replaced.length > 0 ? `used ${replaced.length} times` : 'NOT used';
    options.debug(`substitution: "${show(substitution)}" was ${used}`);
  }
  if (unsupported.length > 0) {
    throw new AshlarError(
      `${unsupported.length} instances of unsupported placeholders found. Review log for how to update.`,
      { at: unsupported[0] },
    );
  }
  // A default may be the beginning of another placeholder: ${{A:${{B:x}}}} is x. Each round makes the text shorter.
  for (let edits = defaultsOf(result, options); edits.length > 0; edits = defaultsOf(result, options)) {
    result = applyEdits(result, edits);
  }
  return result;
}

/** Returns where the placeholder is. */
function warnOfPlaceholder(
  source: SourceText,
  { start, end, fallback }: Placeholder,
  substitution: Substitution,
  { warn }: SubstituteOptions,
): SourceSpan {
  const at = spanBetween(source, start, end);
  const placeholder = source.text.slice(start, end);
  warn(
    `"${show(substitution)}" was provided as a substitution and unsupported placeholder "${placeholder}" was found. ` +
      `Replace "${placeholder}" with "\${{${substitution.key}${fallback}}}" to use the substitution.`,
    at,
    'placeholder',
  );
  return at;
}

interface Placeholder {
  readonly start: number;
  readonly end: number;
  readonly doubleBraces: boolean;
  /** `:default` as written, or empty. */
  readonly fallback: string;
}

/** `${{KEY}}`, `${{KEY:default}}`, `${KEY}`, `${KEY:default}` and `$KEY` as a whole name. */
export function findPlaceholders(text: string, key: string): Placeholder[] {
  const name = key.replace(/[^A-Za-z0-9_]/g, '\\$&');
  const pattern = new RegExp(
    `\\$(?:\\{\\{${name}(:[^}]*)?\\}\\}|\\{${name}(:[^}]*)?\\}|${name}(?![A-Za-z0-9_]))`,
    'g',
  );
  return [...text.matchAll(pattern)].map(match => ({
    start: match.index,
    end: match.index + match[0].length,
    doubleBraces: match[0].startsWith('${{'),
    fallback: match[1] ?? match[2] ?? '',
  }));
}

function defaultsOf(source: SourceText, { missingValue }: SubstituteOptions): Edit[] {
  return [...source.text.matchAll(/\$\{\{([^}]*)\}\}/g)].map(match => {
    const [start, end] = [match.index, match.index + match[0].length];
    const content = match[1] ?? '';
    const colon = content.indexOf(':');
    if (colon >= 0) return { start, end, text: content.slice(colon + 1) };
    if (missingValue === undefined) {
      throw new AshlarError(`no value for substitution ${content}`, {
        at: spanBetween(source, start, end),
        hint: `give one with --substitute ${content}=VALUE, or write a default: \${{${content}:default}}`,
      });
    }
    return { start, end, text: missingValue };
  });
}

function parsePair(argument: string): Substitution {
  const equals = argument.indexOf('=');
  if (equals < 1) {
    throw new AshlarError(`invalid substition ${argument}`, {
      hint: 'substitutions have the form KEY=VALUE',
    });
  }
  return { key: argument.slice(0, equals), value: argument.slice(equals + 1) };
}

async function readSubstituteFile(file: string, cwd: string): Promise<Substitution[]> {
  const path = resolve(cwd, file);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new AshlarError(`unable to read substitute-file:${file}, err:${messageOf(error)}`, {
      cause: error,
    });
  });
  try {
    return parseSubstituteFile(sourceText(path, text));
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(`unable to unmarshal substitute-file:${file}, err:${error.message}`, error);
  }
}

function parseSubstituteFile(source: SourceText): Substitution[] {
  const node = parseYaml(source);
  if (node.kind === 'null') return [];
  if (node.kind !== 'map') throw new AshlarError(`expected a map, found ${node.kind}`, { at: node.span });
  return node.entries.map(({ key, value }) => {
    const name = textOf(key);
    if (!name) throw new AshlarError('a key must be a word', { at: key.span });
    if (value.kind === 'list' || value.kind === 'map') {
      throw new AshlarError(`the value of ${name} must be text, found ${value.kind}`, { at: value.span });
    }
    // This file is decoded only once, straight to text: 1.10 stays 1.10.
    return { key: name, value: value.kind === 'null' ? '' : value.raw };
  });
}

function show({ key, value }: Substitution): string {
  return `${key}=${value}`;
}
