/** What is understood but not done: said in the log, or in the way of a build. */
import type { SourceSpan } from '../../../support/errors.ts';
import type { ElementRule, Outcome } from '../schema/forms.ts';
import { typeAttributes } from '../schema/type-attributes.ts';
import { typeChildren } from '../schema/type-children.ts';
import { isTrue, namesIn } from '../schema/values.ts';
import { image } from '../schema/vocabulary.ts';
import { attributeOf, childrenOf, type XmlElement } from '../xml/tree.ts';
import { nameOf, type Selection, sectionsOf } from './selection.ts';
import { imageOf, typesOf } from './type.ts';

interface Remark {
  readonly text: string;
  readonly at: SourceSpan;
}

/** What has no effect in what was chosen. */
export function remarksOf(selection: Selection, type: XmlElement): readonly Remark[] {
  return [
    ...outcomesOf(selection, type, 'ignored'),
    ...systemFiles(selection),
    ...strangeProfiles(selection),
  ];
}

/** Packages whose files would be listed. */
function systemFiles(selection: Selection): readonly Remark[] {
  return sectionsOf(selection, 'packages')
    .filter(section => attributeOf(section, 'type')?.value === 'systemfiles')
    .map(({ at }) => ({ text: '<packages type="systemfiles">: the tree comes as build/image-root', at }));
}

/** Why what was chosen cannot be built. */
export function refusalsOf(selection: Selection, type: XmlElement): readonly Remark[] {
  const refusals = outcomesOf(selection, type, 'refused');
  const versions = sectionsOf(selection, 'preferences').flatMap(section => childrenOf(section, 'version'));
  if (versions.length === 0)
    refusals.push({
      text: 'No version is defined in any of the <preferences> sections.',
      at: selection.root.at,
    });
  const images = typesOf(selection).map(imageOf);
  const twice = typesOf(selection).find((other, index) => images.indexOf(imageOf(other)) < index);
  if (twice !== undefined)
    refusals.push({
      text: `Conflicting image type setup detected: ${imageOf(twice)} is there more than once`,
      at: twice.at,
    });
  return refusals;
}

function outcomesOf(selection: Selection, type: XmlElement, kind: Outcome['kind']): Remark[] {
  const found: Remark[] = [];
  for (const [name, [, rule]] of Object.entries(image.children ?? {})) {
    // Of all types only the chosen one counts.
    const { type: _, ...others } = rule.children ?? {};
    for (const section of sectionsOf(selection, name))
      collect(section, name === 'preferences' ? { ...rule, children: others } : rule, kind, found);
  }
  collect(type, { text: '', attributes: typeAttributes, children: typeChildren }, kind, found);
  return found;
}

function collect(element: XmlElement, rule: ElementRule, kind: Outcome['kind'], found: Remark[]): void {
  if (rule.outcome?.kind === kind) {
    found.push({ text: `<${element.name}>: ${rule.outcome.text}`, at: element.at });
    return;
  }
  for (const { name, value, at } of element.attributes) {
    const { outcome, form } = rule.attributes?.[name] ?? {};
    if (outcome?.kind !== kind) continue;
    // What is switched off asks for nothing, but where that is what is not done.
    if (form !== 'boolean' || isTrue(value) === (outcome.value ?? true))
      found.push({ text: `${name} of <${element.name}>: ${outcome.text}`, at });
  }
  for (const child of element.children) {
    const [, below] = rule.children?.[child.name] ?? [];
    if (below !== undefined) collect(child, below, kind, found);
  }
}

/** Sections that nobody can choose, because no profile has their name. */
function strangeProfiles({ root }: Selection): readonly Remark[] {
  const known = new Set(
    childrenOf(root, 'profiles')
      .flatMap(list => childrenOf(list, 'profile'))
      .map(nameOf),
  );
  return root.children.flatMap(section => {
    const wanted = attributeOf(section, 'profiles');
    const strange = namesIn(wanted?.value ?? '').filter(name => !known.has(name));
    return wanted === undefined || strange.length === 0
      ? []
      : [{ text: `no profile is called ${strange.join(', ')}`, at: wanted.valueAt }];
  });
}
