import type { KiwiChoice, KiwiDescription, KiwiRepository, KiwiUser } from '../model.ts';
import { namesIn } from '../schema/values.ts';
import { childOf, childrenOf, type XmlElement } from '../xml/tree.ts';
import { writeXml } from '../xml/write.ts';
import { resolveContainers } from './container.ts';
import { refusalsOf, remarksOf } from './outcomes.ts';
import { resolvePackages } from './packages.ts';
import { resolvePreferences } from './preferences.ts';
import { itemsOf, nameOf, type Selection, sectionsOf, selectProfiles } from './selection.ts';
import { resolveType, selectType } from './type.ts';
import { booleanOf, contentOf, integerOf, textOf, wordOf } from './values.ts';

/** A description that has been read, upgraded and checked. */
export interface KiwiSource {
  readonly directory: string;
  readonly file: string;
  readonly root: XmlElement;
}

/** @throws KiwiError when a profile or the type is not there. */
export function resolveDescription(source: KiwiSource, choice: KiwiChoice): KiwiDescription {
  const { root } = source;
  const selection = selectProfiles(root, choice);
  const typeElement = selectType(selection, choice.type);
  const about = childOf(root, 'description');
  const aboutText = (name: string) => {
    const element = about && childOf(about, name);
    return element && contentOf(element);
  };
  const author = aboutText('author') ?? '';
  const contact = aboutText('contact') ?? '';
  const preferences = resolvePreferences(selection);
  const type = resolveType(typeElement, selection, contact === '' ? author : `${author} <${contact}>`);
  const [certificates] = sectionsOf(selection, 'certificates');
  return {
    directory: source.directory,
    file: source.file,
    xml: writeXml(root),
    name: nameOf(root),
    displayName: textOf(root, 'displayname'),
    id: textOf(root, 'id'),
    author,
    contact,
    specification: aboutText('specification') ?? '',
    license: aboutText('license'),
    architecture: selection.architecture,
    profiles: selection.profiles,
    preferences,
    type,
    users: resolveUsers(selection),
    repositories: sectionsOf(selection, 'repository').map(repositoryOf),
    packages: resolvePackages(selection, type.image, preferences.packageManager),
    drivers: filesOf(sectionsOf(selection, 'drivers')),
    strip: {
      delete: strippedBy(selection, 'delete'),
      tools: strippedBy(selection, 'tools'),
      libs: strippedBy(selection, 'libs'),
    },
    certificates: (certificates?.children ?? []).map(certificate => ({
      value: nameOf(certificate),
      at: certificate.at,
    })),
    certificateTarget: certificates && textOf(certificates, 'target_distribution'),
    containers: resolveContainers(selection),
    remarks: remarksOf(selection, typeElement),
    refusals: refusalsOf(selection, typeElement),
    at: root.at,
  };
}

/** The first definition of a name counts, and the groups of all. */
function resolveUsers(selection: Selection): readonly KiwiUser[] {
  const users = new Map<string, KiwiUser>();
  for (const element of itemsOf(sectionsOf(selection, 'users'), 'user', selection)) {
    const groups = namesIn(textOf(element, 'groups') ?? '');
    const user = users.get(nameOf(element)) ?? userOf(element);
    users.set(user.name, { ...user, groups: [...new Set([...user.groups, ...groups])] });
  }
  return [...users.values()];
}

function userOf(element: XmlElement): KiwiUser {
  return {
    name: nameOf(element),
    password: textOf(element, 'password') ?? '',
    passwordFormat: wordOf(element, 'pwdformat', ['encrypted', 'plain']),
    home: textOf(element, 'home'),
    shell: textOf(element, 'shell'),
    id: integerOf(element, 'id'),
    realName: textOf(element, 'realname'),
    groups: [],
    at: element.at,
  };
}

function repositoryOf(element: XmlElement): KiwiRepository {
  const source = childOf(element, 'source') ?? element;
  return {
    type: textOf(element, 'type'),
    alias: textOf(element, 'alias'),
    source: textOf(source, 'path') ?? '',
    signingKeys: childrenOf(source, 'signing').flatMap(signing => textOf(signing, 'key') ?? []),
    priority: integerOf(element, 'priority'),
    imageInclude: booleanOf(element, 'imageinclude'),
    imageOnly: booleanOf(element, 'imageonly'),
    distribution: textOf(element, 'distribution'),
    components: textOf(element, 'components'),
    repositoryGpgCheck: booleanOf(element, 'repository_gpgcheck'),
    packageGpgCheck: booleanOf(element, 'package_gpgcheck'),
    customize: textOf(element, 'customize'),
    architectures: textOf(element, 'architectures'),
    sourceType: wordOf(element, 'sourcetype', ['baseurl', 'metalink', 'mirrorlist']),
    username: textOf(element, 'username'),
    password: textOf(element, 'password'),
    at: element.at,
  };
}

function strippedBy(selection: Selection, type: string): readonly string[] {
  return filesOf(sectionsOf(selection, 'strip').filter(section => textOf(section, 'type') === type));
}

function filesOf(sections: readonly XmlElement[]): readonly string[] {
  return [...new Set(sections.flatMap(section => childrenOf(section, 'file')).map(nameOf))].sort();
}
