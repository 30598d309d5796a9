/** Which parts of a description count: those of the active profiles and of this machine. */
import { KiwiError } from '../errors.ts';
import type { KiwiChoice } from '../model.ts';
import { isTrue, namesIn } from '../schema/values.ts';
import { attributeOf, childrenOf, type XmlElement } from '../xml/tree.ts';

export interface Selection {
  readonly root: XmlElement;
  /** In the order in which they were chosen. */
  readonly profiles: readonly string[];
  readonly architecture: string;
}

/** @throws KiwiError for a profile that is not there, or not on this machine. */
export function selectProfiles(root: XmlElement, choice: KiwiChoice): Selection {
  const { architecture } = choice;
  const available = new Map(profilesOf(root, architecture).map(profile => [nameOf(profile), profile]));
  const chosen = new Set<string>();
  const pending = [...choice.profiles];
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (chosen.has(name)) continue;
    const profile = available.get(name);
    if (profile === undefined)
      throw new KiwiError('KiwiProfileNotFound', `profile ${name} not found for host arch ${architecture}`, {
        at: root.at,
        hint: available.size === 0 ? 'there are none' : `there are ${[...available.keys()].join(', ')}`,
      });
    chosen.add(name);
    // What it requires comes before all that was chosen after it.
    pending.unshift(...requiredBy(profile, architecture));
  }
  const profiles = choice.profiles.length > 0 ? [...chosen] : importedBy(available);
  return { root, profiles, architecture };
}

/** The profiles that this machine has, in the order of the description. */
export function profilesOf(root: XmlElement, architecture: string): readonly XmlElement[] {
  return childrenOf(root, 'profiles')
    .flatMap(list => childrenOf(list, 'profile'))
    .filter(profile => isFor(profile, architecture));
}

/** The elements of a name directly below the root that count. */
export function sectionsOf(selection: Selection, name: string): readonly XmlElement[] {
  return childrenOf(selection.root, name).filter(section => counts(section, selection));
}

/** Those of all of these sections. */
export function itemsOf(
  sections: readonly XmlElement[],
  name: string,
  { architecture }: Selection,
): readonly XmlElement[] {
  return sections.flatMap(section => childrenOf(section, name)).filter(item => isFor(item, architecture));
}

export function nameOf(element: XmlElement): string {
  return attributeOf(element, 'name')?.value ?? '';
}

function counts(section: XmlElement, { profiles, architecture }: Selection): boolean {
  const wanted = attributeOf(section, 'profiles');
  if (wanted !== undefined && !namesIn(wanted.value).some(name => profiles.includes(name))) return false;
  return isFor(section, architecture);
}

export function isFor(element: XmlElement, architecture: string): boolean {
  const machines = attributeOf(element, 'arch');
  if (machines === undefined) return true;
  const names = namesIn(machines.value);
  return names.includes(architecture) || (/^i[56]86$/.test(architecture) && names.includes('ix86'));
}

function requiredBy(profile: XmlElement, architecture: string): readonly string[] {
  return childrenOf(profile, 'requires')
    .filter(required => isFor(required, architecture))
    .map(required => attributeOf(required, 'profile')?.value ?? '');
}

function importedBy(available: ReadonlyMap<string, XmlElement>): readonly string[] {
  return [...available]
    .filter(([, profile]) => isTrue(attributeOf(profile, 'import')?.value ?? 'false'))
    .map(([name]) => name);
}
