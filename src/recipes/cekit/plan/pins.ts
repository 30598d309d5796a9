import { ANY_VERSION, type Lock, locked } from '../lock.ts';
import type { Description, Located, PackageManager, Section, Stage } from '../model.ts';

/**
 * The description with the packages of a lock in the versions that it has for them.
 * Throws AshlarError for a package that is not in it.
 */
export function pinPackages(description: Description, lock: Lock | undefined): Description {
  if (!lock) return description;
  const pinned = (stage: Stage): Stage => {
    const name = stage.name.text;
    const versions = Object.hasOwn(lock.packages, name) ? (lock.packages[name] ?? {}) : {};
    const section = (section: Section): Section => ({
      ...section,
      install: section.install.map(wanted => pin(wanted, versions, stage.manager)),
    });
    return { ...stage, modules: stage.modules.map(section), image: section(stage.image) };
  };
  return { builders: description.builders.map(pinned), target: pinned(description.target) };
}

/** A package of one version, as the package manager writes it. */
function pin(wanted: Located, versions: Readonly<Record<string, string>>, manager: PackageManager): Located {
  const version = locked(versions, wanted.text, `version for the package ${wanted.text}`, wanted.at);
  if (version === ANY_VERSION) return wanted;
  if (manager === 'apt-get' || manager === 'apk') return { ...wanted, text: `${wanted.text}=${version}` };
  // Not every rpm finds what is installed under a name with an epoch in it.
  return { ...wanted, text: `${wanted.text}-${version.replace(/^\d+:/, '')}` };
}
