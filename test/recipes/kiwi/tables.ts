/** What the manual says of elements and attributes, out of the table that the reader uses. */
import type {
  AttributeRule,
  Attributes,
  ElementRule,
  Multiplicity,
  Outcome,
  ValueForm,
} from '../../../src/recipes/kiwi/schema/forms.ts';
import { image } from '../../../src/recipes/kiwi/schema/vocabulary.ts';

const often: Readonly<Record<Multiplicity, string>> = {
  '1': 'once',
  '?': 'at most once',
  '*': 'any number',
  '+': 'once or more',
};

/** A part for each element that has attributes or elements, each once, in the order in which they come. */
export function elementTables(): string {
  const parts: string[] = [];
  const seen = new Set<ElementRule>();
  const add = (name: string, rule: ElementRule) => {
    if (seen.has(rule) || isPlain(rule)) return;
    seen.add(rule);
    parts.push(...elementPart(name, rule));
    for (const [child, [, below]] of Object.entries(rule.children ?? {})) add(child, below);
  };
  add('image', image);
  return parts.join('\n');
}

function elementPart(name: string, rule: ElementRule): readonly string[] {
  const content = rule.content === undefined ? [] : [`It holds ${formText(rule.content)}.`];
  const open = rule.open ? ['It may hold anything.'] : [];
  const sentences = [rule.text, ...content, ...open, ...outcomeText(rule.outcome)];
  return [
    `## ${name}`,
    '',
    sentences.join(' '),
    '',
    ...attributeTable(rule.attributes ?? {}),
    ...childTable(rule),
  ];
}

function attributeTable(attributes: Attributes): readonly string[] {
  const rows = Object.entries(attributes).map(
    ([name, attribute]) => `| \`${name}\` | ${formText(attribute.form)} | ${attributeText(attribute)} |`,
  );
  return rows.length === 0 ? [] : ['| attribute | value | meaning |', '|---|---|---|', ...rows, ''];
}

function attributeText({ text, required, images, outcome }: AttributeRule): string {
  const sentences = [
    text,
    ...(required ? ['It must be given.'] : []),
    ...(images ? [`Only for ${images.join(', ')}.`] : []),
    ...outcomeText(outcome),
  ];
  return cell(sentences.join(' '));
}

function childTable({ children }: ElementRule): readonly string[] {
  const rows = Object.entries(children ?? {}).map(([name, [multiplicity, rule]]) => {
    const sentences = [rule.text, ...outcomeText(rule.outcome)];
    return `| \`<${name}>\` | ${often[multiplicity]} | ${isPlain(rule) ? formText(rule.content ?? 'lines') : 'see below'} | ${cell(sentences.join(' '))} |`;
  });
  return rows.length === 0
    ? []
    : ['| element | how often | what stands in it | meaning |', '|---|---|---|---|', ...rows, ''];
}

/** Whether a row says all of it. */
function isPlain({ attributes, children, open }: ElementRule): boolean {
  return attributes === undefined && children === undefined && open === undefined;
}

function outcomeText(outcome: Outcome | undefined): readonly string[] {
  if (outcome === undefined) return [];
  const { kind, text, value } = outcome;
  const where = value === undefined ? '' : ` where it is \`${value}\``;
  return [`**${kind === 'ignored' ? 'Ignored' : 'Refused'}**${where}: ${text}.`];
}

function formText(form: ValueForm): string {
  if (typeof form === 'object')
    return cell('words' in form ? form.words.map(word => `\`${word}\``).join(' ') : form.like);
  const texts = {
    text: 'a text',
    lines: 'a text of any length',
    boolean: '`true` `false`',
    integer: 'a number',
    profiles: 'profiles',
    architectures: 'machines',
  } as const;
  return texts[form];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
