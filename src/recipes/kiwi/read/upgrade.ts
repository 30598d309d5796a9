/** Descriptions of older schemas become ones of the newest. */
import { AshlarError } from '../../../support/errors.ts';
import { attributeOf, type XmlAttribute, type XmlElement } from '../xml/tree.ts';

export const OLDEST_SCHEMA = '7.4';
export const NEWEST_SCHEMA = '8.5';

interface Step {
  readonly from: string;
  readonly to: string;
  /** What becomes of an element, wherever it stands; undefined when it stays. */
  readonly change?: (element: XmlElement) => XmlElement | undefined;
}

const steps: readonly Step[] = [
  {
    from: '7.4',
    to: '7.5',
    change: element =>
      element.name === 'containerconfig'
        ? withAttribute(element, 'additionaltags', tags => [
            { ...tags, name: 'additionalnames', value: splitTags(tags.value).join(',') },
          ])
        : undefined,
  },
  {
    from: '7.5',
    to: '7.6',
    change: element =>
      element.name === 'packagemanager' && element.text.trim() === 'dnf'
        ? { ...element, text: 'dnf4' }
        : undefined,
  },
  { from: '7.6', to: '8.0' },
  {
    from: '8.0',
    to: '8.1',
    change: element =>
      element.name === 'repository' && attributeOf(element, 'type')?.value === 'rpm-dir'
        ? withAttribute(element, 'type', () => [])
        : undefined,
  },
  { from: '8.1', to: '8.2', change: dropped('repository', 'use_for_bootstrap') },
  {
    from: '8.2',
    to: '8.3',
    change: element =>
      element.name === 'type'
        ? withAttribute(element, 'btrfs_root_is_snapshot', attribute => [
            { ...attribute, name: 'btrfs_root_is_snapper_snapshot' },
          ])
        : undefined,
  },
  {
    from: '8.3',
    to: '8.4',
    change: element =>
      element.name === 'bootloader' ? withAttribute(element, 'console', splitConsole) : undefined,
  },
  { from: '8.4', to: '8.5', change: dropped('type', 'vga') },
];

/**
 * The description in the newest schema, whatever version it begins with.
 * @throws AshlarError for versions that are too old, too new or none, and for other roots than `<image>`.
 */
export function upgradeDescription(image: XmlElement): XmlElement {
  if (image.name !== 'image')
    throw new AshlarError(`the root of a description is <image>, not <${image.name}>`, { at: image.at });
  const declared = attributeOf(image, 'schemaversion');
  if (declared === undefined)
    throw new AshlarError('<image> needs the attribute schemaversion', {
      at: image.at,
      hint: `the newest is schemaversion="${NEWEST_SCHEMA}"`,
    });
  const version = numbersOf(declared.value);
  const at = declared.valueAt;
  if (version === undefined)
    throw new AshlarError(`"${declared.value}" is not a schema version`, {
      at,
      hint: `the newest is ${NEWEST_SCHEMA}`,
    });
  if (isBelow(version, OLDEST_SCHEMA))
    throw new AshlarError(`Error: Schema version must be >= ${OLDEST_SCHEMA}, this is ${declared.value}`, {
      at,
      hint: 'bring the description up to date with an older KIWI first',
    });
  if (isBelow(numbersOf(NEWEST_SCHEMA) ?? [], declared.value))
    throw new AshlarError(
      `schema version ${declared.value} is newer than ${NEWEST_SCHEMA}, the newest known here`,
      {
        at,
      },
    );
  const due = steps.filter(({ to }) => isBelow(version, to));
  const upgraded = due.reduce((tree, { change }) => (change ? mapElements(tree, change) : tree), image);
  return withAttribute(upgraded, 'schemaversion', attribute => [{ ...attribute, value: NEWEST_SCHEMA }]);
}

function numbersOf(version: string): readonly number[] | undefined {
  return /^\d{1,4}(\.\d{1,4})*$/.test(version) ? version.split('.').map(Number) : undefined;
}

function isBelow(version: readonly number[], limit: string): boolean {
  const other = numbersOf(limit) ?? [];
  for (let index = 0; index < Math.max(version.length, other.length); index++) {
    const difference = (version[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function mapElements(element: XmlElement, change: NonNullable<Step['change']>): XmlElement {
  const children = element.children.map(child => mapElements(child, change));
  const same = children.every((child, index) => child === element.children[index]);
  const rebuilt = same ? element : { ...element, children };
  return change(rebuilt) ?? rebuilt;
}

function withAttribute(
  element: XmlElement,
  name: string,
  replace: (attribute: XmlAttribute) => readonly XmlAttribute[],
): XmlElement {
  const attributes = element.attributes.flatMap(attribute =>
    attribute.name === name ? replace(attribute) : [attribute],
  );
  return { ...element, attributes };
}

function dropped(elementName: string, attribute: string): NonNullable<Step['change']> {
  return element => (element.name === elementName ? withAttribute(element, attribute, () => []) : undefined);
}

function splitTags(value: string): readonly string[] {
  return value
    .split(',')
    .map(tag => tag.trim())
    .filter(tag => tag !== '')
    .map(tag => `:${tag}`);
}

/** At the first blank, and only there. */
function splitConsole(attribute: XmlAttribute): readonly XmlAttribute[] {
  const blank = attribute.value.indexOf(' ');
  const output = { ...attribute, name: 'output_console' };
  if (blank < 0) return [output];
  return [
    { ...output, value: attribute.value.slice(0, blank) },
    { ...attribute, name: 'input_console', value: attribute.value.slice(blank + 1) },
  ];
}
