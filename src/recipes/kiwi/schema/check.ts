/** Holds a description in the newest schema against the table, and against what no table can say. */
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import { didYouMean } from '../../../support/suggest.ts';
import { invalidDescription } from '../errors.ts';
import { attributeOf, childrenOf, type XmlElement } from '../xml/tree.ts';
import type { AttributeRule, ElementRule, Multiplicity, ValueForm } from './forms.ts';
import { attributeHint, childHint } from './hints.ts';
import { checkRules, type Report } from './rules.ts';
import { isSecret, misfit } from './values.ts';
import { image } from './vocabulary.ts';

/** @throws AshlarErrors with all that is wrong, each mistake with its place. @param root `<image>` */
export function checkDescription(root: XmlElement): void {
  const errors: AshlarError[] = [];
  const report: Report = (message, at, hint) => errors.push(new AshlarError(message, { at, hint }));
  checkElement(root, image, report);
  checkRules(root, report);
  if (errors.length > 0) throw invalidDescription(inOrder(errors));
}

/** By place, files in the order in which they come. */
function inOrder(errors: readonly AshlarError[]): readonly AshlarError[] {
  const files = [...new Set(errors.map(({ at }) => at?.file))];
  const key = ({ at }: AshlarError) => [files.indexOf(at?.file), at?.line ?? 0, at?.column ?? 0] as const;
  return errors.toSorted((a, b) => {
    const [fileA, lineA, columnA] = key(a);
    const [fileB, lineB, columnB] = key(b);
    return fileA - fileB || lineA - lineB || columnA - columnB;
  });
}

function checkElement(element: XmlElement, rule: ElementRule, report: Report): void {
  if (rule.open) return;
  checkAttributes(element, rule, report);
  checkChildren(element, rule, report);
  checkText(element, rule, report);
}

function checkAttributes(element: XmlElement, rule: ElementRule, report: Report): void {
  const rules = rule.attributes ?? {};
  const seen = new Set<string>();
  for (const { name, value, at, valueAt } of element.attributes) {
    const known = own(rules, name);
    if (known === undefined)
      report(`<${element.name}> has no attribute ${name}`, at, attributeHint(name, element.name, rule));
    else if (seen.has(name)) report(`<${element.name}> has the attribute ${name} twice`, at);
    else {
      const shown = isSecret(name) ? '…' : value;
      checkValue(`${name} of <${element.name}>`, value, known.form, valueAt, report, shown);
      checkImageType(element, name, known, at, report);
    }
    seen.add(name);
  }
  for (const [name, { required, form }] of Object.entries(rules)) {
    if (required && !seen.has(name))
      report(`<${element.name}> needs the attribute ${name}`, element.at, expectation(form));
  }
}

function checkImageType(
  type: XmlElement,
  name: string,
  { images }: AttributeRule,
  at: SourceSpan,
  report: Report,
): void {
  const chosen = attributeOf(type, 'image')?.value;
  if (images === undefined || chosen === undefined || images.includes(chosen)) return;
  report(`${name} attribute is only available for the following image types: ${images.join(' ')}`, at);
}

function checkChildren(element: XmlElement, rule: ElementRule, report: Report): void {
  const rules = rule.children ?? {};
  for (const child of element.children) {
    const [, known] = own(rules, child.name) ?? [];
    if (known === undefined)
      report(
        `<${child.name}> is not known in <${element.name}>`,
        child.at,
        childHint(child.name, element.name, rule),
      );
    else checkElement(child, known, report);
  }
  for (const [name, [multiplicity]] of Object.entries(rules)) checkCount(element, name, multiplicity, report);
}

function checkCount(element: XmlElement, name: string, multiplicity: Multiplicity, report: Report): void {
  const [first, ...others] = childrenOf(element, name);
  const needed = multiplicity === '1' || multiplicity === '+';
  if (needed && first === undefined) report(`<${element.name}> needs <${name}>`, element.at);
  if (multiplicity === '*' || multiplicity === '+') return;
  for (const other of others)
    report(
      `<${name}> may stand only once in <${element.name}>`,
      other.at,
      first && `the first one is in line ${first.at.line}`,
    );
}

function checkText(element: XmlElement, { content }: ElementRule, report: Report): void {
  const text = element.text.trim();
  if (content !== undefined) checkValue(`<${element.name}>`, text, content, element.textAt, report);
  else if (text !== '') report(`<${element.name}> cannot hold text`, element.textAt);
}

/** @param what What has the value. */
function checkValue(
  what: string,
  value: string,
  form: ValueForm,
  at: SourceSpan,
  report: Report,
  shown = value,
): void {
  const expected = misfit(value, form);
  if (expected === undefined) return;
  // Of very short words each is a slip of any other.
  const words = typeof form === 'object' && 'words' in form && value.length > 2 ? form.words : [];
  report(`${what} is "${shorten(shown)}", not ${expected}`, at, didYouMean(value, words));
}

function expectation(form: ValueForm): string | undefined {
  const expected = misfit('', form);
  return expected && `it is ${expected}`;
}

/** Texts of strangers may be long. */
function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Names like `constructor` are no entries. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
