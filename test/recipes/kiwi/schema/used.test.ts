/** Of each row of the table that has no outcome something must come: another plan, or another answer. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleFormat } from '../../../../src/recipes/kiwi/bundle.ts';
import { noPackageChoice } from '../../../../src/recipes/kiwi/plan/options.ts';
import { planBuild } from '../../../../src/recipes/kiwi/plan/plan.ts';
import { resolveDescription } from '../../../../src/recipes/kiwi/resolve/description.ts';
import { checkDescription } from '../../../../src/recipes/kiwi/schema/check.ts';
import type { ElementRule, ValueForm } from '../../../../src/recipes/kiwi/schema/forms.ts';
import { misfit } from '../../../../src/recipes/kiwi/schema/values.ts';
import { image } from '../../../../src/recipes/kiwi/schema/vocabulary.ts';
import { parseXml } from '../../../../src/recipes/kiwi/xml/parse.ts';
import type { XmlElement } from '../../../../src/recipes/kiwi/xml/tree.ts';
import { AshlarError } from '../../../../src/support/errors.ts';
import { sourceText } from '../../../../src/support/source-text.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-used-'));
writeFileSync(join(directory, 'boot.sh'), '');
mkdirSync(join(directory, 'sample'));
afterAll(() => rmSync(directory, { recursive: true }));

/** For people, or for what reads a description before it is a plan: `read/include`, `read/upgrade` hold these. */
const READ_ELSEWHERE = [
  'description@type',
  'description/specification',
  'description/license',
  'profiles/profile@description',
  'include@from',
  '@schemaversion',
];

/** Containers are refused, whatever else is said of them. */
const REFUSED = [
  'containers@source',
  'containers@backend',
  'containers/container@tag',
  'containers/container@path',
  'containers/container@fetch_only',
];

interface Row {
  /** From below the root to the element. */
  readonly path: readonly string[];
  /** Nothing: it is about what stands in the element. */
  readonly attribute: string | undefined;
  readonly form: ValueForm;
}

function rowsBelow(rule: ElementRule, path: readonly string[]): readonly Row[] {
  const own = Object.entries(rule.attributes ?? {}).filter(([, { outcome }]) => !outcome);
  const below = Object.entries(rule.children ?? {}).filter(([, [, child]]) => !child.outcome);
  return [
    ...own.map(([attribute, { form }]) => ({ path, attribute, form })),
    ...below.flatMap(([name, [, child]]) => [
      ...(child.content === undefined
        ? []
        : [{ path: [...path, name], attribute: undefined, form: child.content }]),
      ...rowsBelow(child, [...path, name]),
    ]),
  ];
}

const nameOf = ({ path, attribute }: Row) =>
  path.join('/') + (attribute === undefined ? '' : `@${attribute}`);

/** Texts that are something in one place or another. */
const TEXTS = [
  'sample',
  'sample.sh',
  'vim',
  '7',
  '512M',
  'all',
  'qcow2',
  '8.8',
  '640',
  'fr_FR',
  '53/udp',
  '$1$md5',
];

function samplesOf(form: ValueForm): readonly string[] {
  const words = typeof form === 'object' && 'words' in form ? form.words : [];
  return [...words, 'true', 'false', 's390x', '4096', ...TEXTS].filter(
    text => misfit(text, form) === undefined,
  );
}

const at = { file: 'sample', line: 1, column: 1 };

/** An element with all that it must have. */
function minimal(name: string, rule: ElementRule): XmlElement {
  const attributes = Object.entries(rule.attributes ?? {}).flatMap(([name, { required, form }]) =>
    required ? [{ name, value: samplesOf(form)[0] ?? '', at, valueAt: at }] : [],
  );
  const children = Object.entries(rule.children ?? {}).flatMap(([name, [often, child]]) =>
    often === '1' || often === '+' ? [minimal(name, child)] : [],
  );
  const text = rule.content === undefined ? '' : (samplesOf(rule.content)[0] ?? '');
  return { name, attributes, children, text, textAt: at, at };
}

/** The tree with another element at the end of a path; those on the way are the last ones of their name. */
function withElement(
  element: XmlElement,
  rule: ElementRule,
  [name, ...path]: readonly string[],
  change: (element: XmlElement) => XmlElement,
): XmlElement {
  if (name === undefined) return change(element);
  const below = rule.children?.[name]?.[1] ?? { text: '' };
  const known = element.children.findLast(child => child.name === name);
  const changed = withElement(known ?? minimal(name, below), below, path, change);
  return { ...element, children: [...element.children.filter(child => child !== known), changed] };
}

function withValue({ attribute }: Row, value: string): (element: XmlElement) => XmlElement {
  return element => {
    if (attribute === undefined) return { ...element, text: value };
    const others = element.attributes.filter(({ name }) => name !== attribute);
    return { ...element, attributes: [...others, { name: attribute, value, at, valueAt: at }] };
  };
}

interface Context {
  readonly root: XmlElement;
  readonly profiles: readonly string[];
  readonly isStacked: boolean;
}

function context(preferences: string, more: string, rest: Partial<Context> = {}): Context {
  const text = `<image schemaversion="8.5" name="n"><description type="system"><author>A</author><specification>S</specification></description>${preferences}${more}</image>`;
  return { root: parseXml(sourceText('config.xml', text)), profiles: [], isStacked: true, ...rest };
}

const section = (types: string, manager = 'zypper') =>
  `<preferences><version>1.0.0</version><packagemanager>${manager}</packagemanager>${types}</preferences>`;
const repository =
  '<repository imageinclude="true" username="u" password="p"><source path="http://d.example"/></repository>';
const packages = (type: string) => `<packages type="${type}"><package name="base"/></packages>`;

const CONTEXTS: readonly Context[] = [
  context(
    section('<type image="oem" filesystem="ext4" firmware="uefi"/>'),
    `${repository}${packages('image')}<users><user name="u" password="x"/></users>`,
  ),
  context(
    section(
      '<type image="oem" filesystem="btrfs" firmware="uefi"><bootloader name="systemd_boot"/><initrd action="setup"><dracut uefi="true"/></initrd></type>',
    ),
    `${repository}${packages('bootstrap')}`,
  ),
  context(
    section(
      '<type image="oem" filesystem="xfs" firmware="uefi" overlayroot="true" spare_part="10" spare_part_fs="xfs" bootpartition="true" format="vmdk" editbootconfig="boot.sh"><oemconfig><oem-resize>false</oem-resize><oem-swap>true</oem-swap></oemconfig><partitions><partition name="p" size="1" filesystem="ext4"/></partitions></type>',
    ),
    '',
  ),
  context(section('<type image="oem" filesystem="squashfs" format="oci:raw"/>'), ''),
  context(section('<type image="oem" filesystem="erofs"/>'), ''),
  context(
    section('<type image="docker"><containerconfig><entrypoint execute="/x"/></containerconfig></type>'),
    '',
    {
      isStacked: false,
    },
  ),
  context(
    section('<type image="tbz"/><type image="cpio"/>'),
    '<profiles><profile name="sample" description="P"/></profiles><certificates target_distribution="debian"><certificate name="c"/></certificates>',
  ),
  context(
    section('<type image="tbz"/>', 'apt'),
    `<profiles><profile name="p" description="P"/></profiles><repository type="apt-deb"><source path="http://d.example"/></repository>${packages('image')}`,
    {
      profiles: ['p'],
    },
  ),
];

/** What comes of a description; nothing for one that is none. The text that is kept in the image is all that it says. */
function answer({ root, profiles, isStacked }: Context): string | undefined {
  try {
    checkDescription(root);
  } catch {
    return undefined;
  }
  const said: string[] = [];
  try {
    const choice = { profiles, type: undefined, architecture: 'x86_64' };
    const description = resolveDescription({ directory, file: 'config.xml', root }, choice);
    said.push(bundleFormat(description) ?? '');
    const plan = planBuild(description, {
      stack: isStacked ? [{ kind: 'image', reference: 'oci:/s', insecure: false, at }] : [],
      platform: { os: 'linux', architecture: 'amd64' },
      environment: {},
      packages: noPackageChoice,
      keepsTree: true,
      warn: text => said.push(text),
    });
    said.push(JSON.stringify(plan, withoutKept));
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    said.push(error.message, JSON.stringify(error, withoutKept));
  }
  return said.join('\n');
}

function withoutKept(key: string, value: unknown): unknown {
  if (key === 'at') return undefined;
  const isKept =
    typeof value === 'object' && value !== null && 'path' in value && value.path === '/image/config.xml';
  return isKept ? undefined : value;
}

/** Whether values of a row make a difference, to one another or to none at all. */
function isUsed(row: Row): boolean {
  return CONTEXTS.some(given => {
    const changed = (change: (element: XmlElement) => XmlElement) =>
      answer({ ...given, root: withElement(given.root, image, row.path, change) });
    const usual = row.attribute === undefined ? answer(given) : changed(element => element);
    const answers = [usual, ...samplesOf(row.form).map(value => changed(withValue(row, value)))];
    return new Set(answers.filter(text => text !== undefined)).size > 1;
  });
}

describe('the table of elements and attributes', () => {
  it('starts from descriptions that can be planned', () => {
    for (const given of CONTEXTS) expect(answer(given)).toContain('"images"');
  });

  it('has an outcome for all that nothing comes of', () => {
    const rows = rowsBelow(image, []);
    const unused = rows.filter(row => !isUsed(row)).map(nameOf);
    const expected = [...READ_ELSEWHERE, ...REFUSED];
    expect(unused.sort()).toEqual(expected.sort());
  });
});
