import type { Located } from '../model.ts';
import type { Listener } from './check.ts';
import type { LocatedNumber, RawImage, RawRemoval } from './types.ts';

type Identity = string | number;

/** The images without what is to be removed from those at the given places. What none of them has is warned of. */
export function removeItems(
  images: readonly RawImage[],
  removal: RawRemoval,
  places: readonly number[],
  warn: Listener['warn'],
): readonly RawImage[] {
  const present = images.filter((_, index) => places.includes(index)).map(identities);
  for (const key of keys) {
    for (const item of removal[key]) {
      const identity = identityOf(item);
      if (present.some(known => known[key].includes(identity))) continue;
      warn(`remove.${key}: there is no '${identity}' to remove`, item.at);
    }
  }
  return images.map((image, index) => (places.includes(index) ? without(image, removal) : image));
}

const keys = [
  'labels',
  'envs',
  'args',
  'ports',
  'volumes',
  'artifacts',
  'modules',
  'packages',
  'repositories',
] as const satisfies readonly (keyof RawRemoval)[];

function identities({ labels, envs, args, ports, volumes, artifacts, modules, packages }: RawImage) {
  const { install, remove, reinstall, repositories } = packages;
  return {
    labels: labels.map(nameOf),
    envs: envs.map(nameOf),
    args: args.map(nameOf),
    ports: ports.map(({ value }): Identity => value.value),
    volumes: volumes.map(({ path }): Identity => path.text),
    artifacts: artifacts.map(nameOf),
    modules: modules.install.map(nameOf),
    packages: [...install, ...remove, ...reinstall].map(identityOf),
    repositories: repositories.map(nameOf),
  };
}

function without(image: RawImage, removal: RawRemoval): RawImage {
  const { modules, packages } = image;
  return {
    ...image,
    labels: drop(image.labels, nameOf, removal.labels),
    envs: drop(image.envs, nameOf, removal.envs),
    args: drop(image.args, nameOf, removal.args),
    ports: drop(image.ports, ({ value }) => value.value, removal.ports),
    volumes: drop(image.volumes, ({ path }) => path.text, removal.volumes),
    artifacts: drop(image.artifacts, nameOf, removal.artifacts),
    modules: { ...modules, install: drop(modules.install, nameOf, removal.modules) },
    packages: {
      ...packages,
      install: drop(packages.install, identityOf, removal.packages),
      remove: drop(packages.remove, identityOf, removal.packages),
      reinstall: drop(packages.reinstall, identityOf, removal.packages),
      repositories: drop(packages.repositories, nameOf, removal.repositories),
    },
  };
}

function drop<T>(
  items: readonly T[],
  identify: (item: T) => Identity,
  unwanted: readonly (Located | LocatedNumber)[],
): readonly T[] {
  const gone = unwanted.map(identityOf);
  return items.filter(item => !gone.includes(identify(item)));
}

function nameOf({ name }: { readonly name: Located }): Identity {
  return name.text;
}

function identityOf(item: Located | LocatedNumber): Identity {
  return 'text' in item ? item.text : item.value;
}
