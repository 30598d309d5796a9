import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AshlarError } from '../../../support/errors.ts';
import { textOf, type YamlNode } from '../../../support/yaml.ts';
import type { RawContentSets, RawImage, RawRepository } from '../descriptor/types.ts';
import type { ContentSets, PackageManager, Repository } from '../model.ts';
import { imagePath } from '../modules/places.ts';
import type { Module } from '../modules/registry.ts';
import type { CekitOptions } from '../options.ts';
import { readYamlFile } from './files.ts';

/** The package manager: the image's own, else that of the first module visited that has one, else yum. */
export function managerOf(image: RawImage, visited: readonly Module[]): PackageManager {
  const chosen = [image, ...visited].find(({ packages }) => packages.manager !== undefined);
  return chosen?.packages.manager?.value ?? 'yum';
}

/** The repositories of the image and of its modules that can be used, the first of each name. */
export function repositoriesOf(
  image: RawImage,
  visited: readonly Module[],
  manager: PackageManager,
  { cwd, warn }: Pick<CekitOptions, 'cwd' | 'warn'>,
): readonly Repository[] {
  const repositories = new Map<string, Repository>();
  for (const { packages } of [image, ...visited]) {
    const [first] = packages.repositories;
    if (first === undefined) continue;
    const unable = [packages.manager?.value, manager].find(isWithoutRepositories);
    if (unable !== undefined) {
      warn(
        `Package manager ${unable} does not support defining repositories, skipping all repositories`,
        first.at,
      );
      continue;
    }
    for (const raw of packages.repositories) {
      if (!repositories.has(raw.name.text)) repositories.set(raw.name.text, readRepository(raw, cwd));
    }
  }
  for (const { kind, name, at } of repositories.values()) {
    if (kind !== 'id' && kind !== 'plain') continue;
    warn(
      `Repository '${name}' is defined as plain. It must be available inside the image as Cekit will not inject it.`,
      at,
    );
  }
  return [...repositories.values()];
}

function isWithoutRepositories(manager: PackageManager | undefined): boolean {
  return manager === 'apk' || manager === 'apt-get';
}

function readRepository(raw: RawRepository, cwd: string): Repository {
  const { text: name, at: nameAt } = raw.name;
  const { at } = raw;
  switch (raw.kind) {
    case 'id':
    case 'plain':
      return { kind: raw.kind, name, at };
    case 'rpm':
      return { kind: 'rpm', name, rpm: raw.rpm.text, at };
    case 'url': {
      if (/[/\p{Cc}]/u.test(name)) {
        throw new AshlarError(`repository '${name}' cannot be the name of a file`, { at: nameAt });
      }
      const url = raw.url.text;
      const isPath = !/^[a-z][a-z0-9+.-]*:/i.test(url);
      return {
        kind: 'url',
        name,
        fileName: `${name.replaceAll(' ', '_')}.repo`,
        url: isPath ? pathToFileURL(resolve(cwd, url)).href : url,
        at,
      };
    }
  }
}

// What machines call themselves, where it differs from the image-spec's words.
const machines: Readonly<Record<string, string>> = {
  '386': 'i686',
  amd64: 'x86_64',
  arm: 'armv7l',
  arm64: 'aarch64',
};

/**
 * What is said of content sets, if anything. Throws an `AshlarError` where there are none for a platform. Nothing makes
 * repositories of them here, which is warned about.
 */
export async function contentSetsOf(
  { packages }: RawImage,
  { platforms, warn }: Pick<CekitOptions, 'platforms' | 'warn'>,
): Promise<ContentSets | undefined> {
  const raw = packages.contentSets;
  if (!raw) return undefined;
  const sets = await readSets(raw);
  if (Object.keys(sets).length === 0) return undefined;
  for (const { architecture } of platforms) {
    const machine = machines[architecture] ?? architecture;
    if (Object.hasOwn(sets, machine)) continue;
    throw new AshlarError(`There are no content_sets defined for platform '${machine}'!`, { at: raw.at });
  }
  warn('The image has ContentSets repositories specified, all other repositories are removed!', raw.at);
  warn('content sets need a compose service: packages come from the repositories of the base image', raw.at);
  return { sets, at: raw.at };
}

async function readSets(raw: RawContentSets): Promise<ContentSets['sets']> {
  if (raw.kind === 'sets') return raw.sets;
  const top = await readYamlFile(imagePath(raw.file), raw.file.at);
  if (top.kind === 'null') return {};
  if (top.kind !== 'map') throw notSets(top);
  return Object.fromEntries(
    top.entries.map(({ key, value }) => {
      if (value.kind !== 'list') throw notSets(value);
      return [textIn(key), value.items.map(textIn)];
    }),
  );
}

function textIn(node: YamlNode): string {
  const text = textOf(node);
  if (text === undefined) throw notSets(node);
  return text;
}

function notSets({ span }: YamlNode): AshlarError {
  return new AshlarError('content sets are a map from architectures to lists of ids', { at: span });
}
