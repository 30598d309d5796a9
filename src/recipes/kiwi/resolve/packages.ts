import type { KiwiPackage, KiwiPackages, Placed } from '../model.ts';
import type { XmlElement } from '../xml/tree.ts';
import { itemsOf, nameOf, type Selection, sectionsOf } from './selection.ts';
import { booleanOf, textOf } from './values.ts';

/** Managers whose package is called otherwise. */
const managerPackages: Readonly<Record<string, string>> = { dnf4: 'dnf', apk: 'apk-tools' };

/** @param image The image type, which may have sections of its own. */
export function resolvePackages(selection: Selection, image: string, manager: Placed<string>): KiwiPackages {
  const sections = (...types: readonly string[]) =>
    sectionsOf(selection, 'packages').filter(section => types.includes(textOf(section, 'type') ?? ''));
  const bootstrapSections = sections('bootstrap');
  const systemSections = sections('image', image);
  const named = (among: readonly XmlElement[], kind: string) =>
    uniqueOf(itemsOf(among, kind, selection), plain);
  const system = named(systemSections, 'package');
  const bootstrap = named(bootstrapSections, 'package');
  const archives = (among: readonly XmlElement[]) =>
    uniqueOf(itemsOf(among, 'archive', selection), archive => ({
      ...plain(archive),
      targetDirectory: textOf(archive, 'target_dir'),
    }));
  const files = (among: readonly XmlElement[]) =>
    // `arch` of files means nothing.
    uniqueOf(
      among.flatMap(section => section.children.filter(({ name }) => name === 'file')),
      file => ({
        ...plain(file),
        target: textOf(file, 'target'),
        owner: textOf(file, 'owner'),
        permissions: textOf(file, 'permissions'),
      }),
      // The same file may be wanted in several places.
      ({ name, target }) => `${name} ${target}`,
    );
  return {
    bootstrap: bootstrap.length > 0 && system.length > 0 ? withManager(bootstrap, manager) : bootstrap,
    system,
    delete: named(sections('delete'), 'package'),
    uninstall: named(sections('uninstall'), 'package'),
    collections: named(systemSections, 'namedCollection'),
    bootstrapCollections: named(bootstrapSections, 'namedCollection'),
    products: named(systemSections, 'product'),
    ignore: named(systemSections, 'ignore'),
    modules: uniqueOf(itemsOf(bootstrapSections, 'collectionModule', selection), module => ({
      ...plain(module),
      enable: booleanOf(module, 'enable') ?? true,
      stream: textOf(module, 'stream'),
    })),
    archives: archives(systemSections),
    bootstrapArchives: archives(bootstrapSections),
    files: files(systemSections),
    bootstrapFiles: files(bootstrapSections),
    recommended: { system: wantsMore(systemSections), bootstrap: wantsMore(bootstrapSections) },
    hasBootstrap: bootstrapSections.length > 0,
  };
}

function withManager(
  packages: readonly KiwiPackage[],
  { value, at }: Placed<string>,
): readonly KiwiPackage[] {
  const name = managerPackages[value] ?? value;
  return packages.some(each => each.name === name) ? packages : [...packages, { name, at }].sort(byName);
}

function plain(element: XmlElement): KiwiPackage {
  return { name: nameOf(element), at: element.at };
}

/** Of each name the first, or of what else tells them apart; sorted by name. */
function uniqueOf<T extends KiwiPackage>(
  elements: readonly XmlElement[],
  read: (element: XmlElement) => T,
  keyOf: (item: T) => string = ({ name }) => name,
): readonly T[] {
  const found = new Map<string, T>();
  for (const element of elements) {
    const item = read(element);
    const key = keyOf(item);
    if (!found.has(key)) found.set(key, item);
  }
  return [...found.values()].sort(byName);
}

function byName(a: KiwiPackage, b: KiwiPackage): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** The first section that says something decides. */
function wantsMore(sections: readonly XmlElement[]): boolean {
  return sections.flatMap(section => textOf(section, 'patternType') ?? [])[0] === 'plusRecommended';
}
