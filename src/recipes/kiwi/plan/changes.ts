/** What a command line changes of a description, before anything is made of it. */
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import type { KiwiChoice, KiwiDescription } from '../model.ts';
import { type KiwiSource, resolveDescription } from '../resolve/description.ts';
import { sectionsOf, selectProfiles } from '../resolve/selection.ts';
import { selectType } from '../resolve/type.ts';
import { checkDescription } from '../schema/check.ts';
import { isSecret, isTrue } from '../schema/values.ts';
import { attributeOf, childOf, childrenOf, type XmlElement } from '../xml/tree.ts';

export interface DescriptionChanges {
  readonly ignoreRepositories: 'none' | 'used-for-build' | 'all';
  /** What it says goes into the first repository that counts. */
  readonly setRepository: GivenRepository | undefined;
  readonly addRepositories: readonly GivenRepository[];
  readonly typeAttributes: readonly (readonly [name: string, value: string])[];
  readonly releaseVersion: string | undefined;
  readonly containerTag: string | undefined;
  readonly containerLabels: readonly (readonly [name: string, value: string])[];
  readonly derivedFrom: string | undefined;
}

/** A repository in the order of the fields of --add-repo; empty fields say nothing. */
export interface GivenRepository {
  readonly attributes: Readonly<Record<string, string>>;
  readonly source: string;
  readonly keys: readonly string[];
  /** Not in the description, which becomes a part of the image. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

export const noChanges: DescriptionChanges = {
  ignoreRepositories: 'none',
  setRepository: undefined,
  addRepositories: [],
  typeAttributes: [],
  releaseVersion: undefined,
  containerTag: undefined,
  containerLabels: [],
  derivedFrom: undefined,
};

/**
 * What a description means for a choice once it is changed.
 * @throws AshlarError for changes that make no sense in it.
 */
export function resolveChanged(
  source: KiwiSource,
  choice: KiwiChoice,
  changes: DescriptionChanges,
  warn: (message: string, at?: SourceSpan) => void,
): KiwiDescription {
  const root = changedRoot(source.root, choice, changes, warn);
  if (root !== source.root) checkDescription(root);
  return withCredentials(resolveDescription({ ...source, root }, choice), changes);
}

function changedRoot(
  root: XmlElement,
  choice: KiwiChoice,
  changes: DescriptionChanges,
  warn: (message: string, at?: SourceSpan) => void,
): XmlElement {
  const type = selectType(selectProfiles(root, choice), choice.type);
  const changed = changedType(type, changes, warn);
  const replaced = changed === type ? root : replace(root, type, changed);
  const released = withReleaseVersion(replaced, choice, changes.releaseVersion);
  return withRepositories(released, choice, changes);
}

function withRepositories(root: XmlElement, choice: KiwiChoice, changes: DescriptionChanges): XmlElement {
  const { ignoreRepositories, setRepository, addRepositories } = changes;
  if (ignoreRepositories === 'none' && !setRepository && addRepositories.length === 0) return root;
  const kept = root.children.filter(
    child =>
      child.name !== 'repository' ||
      ignoreRepositories === 'none' ||
      (ignoreRepositories === 'used-for-build' && isTrue(attributeOf(child, 'imageonly')?.value ?? 'false')),
  );
  const first = sectionsOf(selectProfiles(root, choice), 'repository').find(section =>
    kept.includes(section),
  );
  const set = setRepository && repositoryElement(setRepository, '--set-repo');
  const children = set && first ? kept.map(child => (child === first ? merged(first, set) : child)) : kept;
  const added = addRepositories.map(repository => repositoryElement(repository, '--add-repo'));
  return { ...root, children: [...children, ...(set && !first ? [set] : []), ...added] };
}

/** A repository with what another says; what that does not say stays, but for who may read the old address. */
function merged(repository: XmlElement, by: XmlElement): XmlElement {
  const { attributes, at } = by;
  const said = new Set(['username', 'password', ...attributes.map(({ name }) => name)]);
  const others = repository.attributes.filter(({ name }) => !said.has(name));
  const children = repository.children.map(child => {
    const source = childOf(by, child.name);
    if (!source) return child;
    return source.children.length > 0 ? source : { ...source, children: child.children };
  });
  return { ...repository, attributes: [...others, ...attributes], children, at };
}

function repositoryElement({ attributes, source, keys }: GivenRepository, option: string): XmlElement {
  const at = placeOf(`${option}=${source}`);
  const signing = keys.map(key => element('signing', { key }, [], at));
  return element('repository', attributes, [element('source', { path: source }, signing, at)], at);
}

function changedType(
  type: XmlElement,
  changes: DescriptionChanges,
  warn: (message: string, at?: SourceSpan) => void,
): XmlElement {
  const { typeAttributes, containerTag, containerLabels, derivedFrom } = changes;
  let changed = type;
  for (const [name, value] of typeAttributes) {
    const shown = isSecret(name) ? '…' : value;
    changed = withAttribute(changed, name, value, placeOf(`--set-type-attr ${name}=${shown}`));
  }
  if (derivedFrom !== undefined) {
    if (attributeOf(type, 'derived_from')) {
      changed = withAttribute(changed, 'derived_from', derivedFrom, placeOf('--set-container-derived-from'));
    } else {
      warn('the type has no derived_from: --set-container-derived-from has no effect', type.at);
    }
  }
  if (containerTag === undefined && containerLabels.length === 0) return changed;
  const config = childOf(changed, 'containerconfig');
  if (!config) {
    warn('the type has no <containerconfig>: tag and labels of the command line have no effect', type.at);
    return changed;
  }
  return replace(changed, config, changedContainer(config, changes));
}

function changedContainer(
  config: XmlElement,
  { containerTag, containerLabels }: DescriptionChanges,
): XmlElement {
  const tagged =
    containerTag === undefined
      ? config
      : withAttribute(config, 'tag', containerTag, placeOf('--set-container-tag'));
  if (containerLabels.length === 0) return tagged;
  const at = placeOf('--add-container-label');
  const known = childOf(tagged, 'labels');
  const names = new Set(containerLabels.map(([name]) => name));
  const labels = [
    ...(known ? childrenOf(known, 'label') : []).filter(
      label => !names.has(attributeOf(label, 'name')?.value ?? ''),
    ),
    ...containerLabels.map(([name, value]) => element('label', { name, value }, [], at)),
  ];
  if (known) return replace(tagged, known, { ...known, children: labels });
  return { ...tagged, children: [...tagged.children, element('labels', {}, labels, at)] };
}

/** The first section that counts decides. There is one: that of the type. */
function withReleaseVersion(root: XmlElement, choice: KiwiChoice, version: string | undefined): XmlElement {
  const [preferences] = sectionsOf(selectProfiles(root, choice), 'preferences');
  if (version === undefined || !preferences) return root;
  const at = placeOf('--set-release-version');
  const wanted = { ...element('release-version', {}, [], at), text: version };
  const others = preferences.children.filter(({ name }) => name !== 'release-version');
  return replace(root, preferences, { ...preferences, children: [wanted, ...others] });
}

function withCredentials(
  description: KiwiDescription,
  { setRepository, addRepositories }: DescriptionChanges,
): KiwiDescription {
  const given = [...(setRepository ? [setRepository] : []), ...addRepositories].filter(
    ({ credentials }) => credentials,
  );
  if (given.length === 0) return description;
  const repositories = description.repositories.map(repository => {
    const found = given.find(({ source }) => source === repository.source)?.credentials;
    return found ? { ...repository, username: found.user, password: found.password } : repository;
  });
  return { ...description, repositories };
}

/**
 * The fields of --add-repo and --set-repo: source, type, alias, priority, imageinclude, package_gpgcheck,
 * {key1:key2}, components, distribution, repo_gpgcheck, repo_sourcetype; those at the end may be missing.
 * @throws AshlarError
 */
export function parseRepository(text: string): Omit<GivenRepository, 'credentials'> {
  const fields = text.match(/(?:\{[^}]*\}|[^,{])+|(?<=,|^)(?=,|$)/g) ?? [];
  const [source = '', ...rest] = fields.map(field => field.trim());
  const names = [
    'type',
    'alias',
    'priority',
    'imageinclude',
    'package_gpgcheck',
    'keys',
    'components',
    'distribution',
    'repository_gpgcheck',
    'sourcetype',
  ];
  if (source === '' || rest.length > names.length) {
    throw new AshlarError(`not a repository: ${text}`, {
      hint: 'write source,type,alias,priority,imageinclude,package_gpgcheck,{key1:key2},components,distribution,repo_gpgcheck,repo_sourcetype',
    });
  }
  const given = rest.flatMap((value, i): [string, string][] =>
    value === '' ? [] : [[names[i] ?? '', value]],
  );
  const { keys = '', ...attributes } = Object.fromEntries(given);
  return { attributes, source, keys: keysIn(keys) };
}

/** Divided by colons, but not by those of schemes and ports. */
function keysIn(text: string): readonly string[] {
  return text
    .replace(/^\{|\}$/g, '')
    .split(/(?<!(?:^|:)(?:https?|ftp|file|dir|this|obs)):(?!\d)/)
    .filter(Boolean);
}

function withAttribute(target: XmlElement, name: string, value: string, at: SourceSpan): XmlElement {
  const others = target.attributes.filter(attribute => attribute.name !== name);
  return { ...target, attributes: [...others, { name, value, at, valueAt: at }] };
}

/** A tree in which another element stands in the place of one. */
function replace(tree: XmlElement, old: XmlElement, by: XmlElement): XmlElement {
  if (tree === old) return by;
  const children = tree.children.map(child => replace(child, old, by));
  return children.every((child, i) => child === tree.children[i]) ? tree : { ...tree, children };
}

function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  children: readonly XmlElement[],
  at: SourceSpan,
): XmlElement {
  const written = Object.entries(attributes).map(([name, value]) => ({ name, value, at, valueAt: at }));
  return { name, attributes: written, children, text: '', textAt: at, at };
}

function placeOf(option: string): SourceSpan {
  return { file: 'command line', line: 1, column: 1, lineText: option };
}
