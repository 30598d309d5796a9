/** What to do about elements and attributes that are not known where they stand. */
import { didYouMean } from '../../../support/suggest.ts';
import type { ElementRule } from './forms.ts';
import { either } from './values.ts';
import { image } from './vocabulary.ts';

/** Attributes that older schemas had, which the upgrade knows only in descriptions that say they are old. */
const renamed: Readonly<Record<string, string>> = {
  additionaltags: 'since 7.5 it is additionalnames=":tag"',
  btrfs_root_is_snapshot: 'since 8.3 it is btrfs_root_is_snapper_snapshot',
  console: 'since 8.4 it is output_console, and input_console where that is another',
  use_for_bootstrap: 'since 8.2 there is no such attribute: remove it',
  vga: 'since 8.5 there is no such attribute: remove it, or use video_mode of <bootloader>',
};

export function attributeHint(name: string, elementName: string, rule: ElementRule): string | undefined {
  if (Object.hasOwn(renamed, name)) return renamed[name];
  const known = Object.keys(rule.attributes ?? {});
  const guess = didYouMean(name, known);
  if (guess !== undefined) return guess;
  const others = [...elementsWhere(other => Object.hasOwn(other.attributes ?? {}, name))].filter(
    other => other !== elementName,
  );
  if (others.length > 0 && others.length <= 3) return `it belongs to ${either(others.map(inBrackets))}`;
  if (known.length === 0) return 'it has none at all';
  if (known.length === 1) return `the only one is ${known.join()}`;
  return known.length <= 8 ? `there are ${known.join(', ')}` : undefined;
}

export function childHint(name: string, elementName: string, rule: ElementRule): string | undefined {
  const known = Object.keys(rule.children ?? {});
  const parents = [...elementsWhere(other => Object.hasOwn(other.children ?? {}, name))].filter(
    other => other !== elementName,
  );
  if (parents.length > 0) return `it belongs below ${either(parents.map(inBrackets))}`;
  const guess = didYouMean(name, known);
  if (guess !== undefined) return guess;
  if (known.length === 0) return 'it holds no elements at all';
  return known.length <= 12 ? `there are ${known.map(inBrackets).join(', ')}` : undefined;
}

/** The names of the elements of which something holds, each once. */
function elementsWhere(holds: (rule: ElementRule) => boolean): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string, rule: ElementRule) => {
    if (holds(rule)) found.add(name);
    for (const [child, [, below]] of Object.entries(rule.children ?? {})) visit(child, below);
  };
  visit('image', image);
  return found;
}

function inBrackets(name: string): string {
  return `<${name}>`;
}
