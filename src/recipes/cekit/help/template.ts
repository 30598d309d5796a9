import { AshlarError } from '../../../support/errors.ts';
import { type SourceText, spanBetween } from '../../../support/source-text.ts';

/** What a placeholder looks like: `{{ name }}`, `{{ run.user }}`, `{{ labels.0.value }}`. */
const placeholder = /^\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}$/;

/**
 * A template with its placeholders replaced by what the descriptor says, and its comments (`{# … #}`) removed. What the
 * descriptor does not have is left out. Throws an `AshlarError` with the place of anything else that Jinja would
 * execute, and of placeholders for lists and maps.
 */
export function fillTemplate(source: SourceText, descriptor: Readonly<Record<string, unknown>>): string {
  return source.text.replaceAll(/\{#.*?#\}|\{\{.*?\}\}|\{[{%#]/gs, (found, offset: number) => {
    if (found.startsWith('{#') && found.endsWith('#}')) return '';
    const at = spanBetween(source, offset, offset + found.length);
    const [, path] = placeholder.exec(found) ?? [];
    if (path === undefined) {
      throw new AshlarError('help templates can hold only placeholders like {{ name }} and {# comments #}', {
        at,
        hint: 'a placeholder names a key of the descriptor, or leads to one by dots: {{ run.user }}',
      });
    }
    const value = lookUp(descriptor, path.split('.'));
    if (typeof value === 'object' && value !== null) {
      throw new AshlarError(`'${path}' is no text but a ${Array.isArray(value) ? 'list' : 'map'}`, { at });
    }
    return printed(value);
  });
}

function lookUp(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.keys(value).includes(key)) return undefined;
  return lookUp(Reflect.get(value, key), rest);
}

/** As Python prints it. */
function printed(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}
