import { resolve } from 'node:path';
import { given } from '../../../support/given.ts';
import { plainOf } from '../descriptor/fields.ts';
import type { Plain, RawConfiguration, RawImage } from '../descriptor/types.ts';
import type { Osbs } from '../model.ts';
import { imagePath } from '../modules/places.ts';
import { readNamedFile, readYamlFile } from './files.ts';

/** What OSBS is to know of an image. `directory` is that of the descriptor. */
export async function osbsOf({ osbs }: RawImage, directory: string): Promise<Osbs> {
  const { repository, configuration, kojiTarget, extraDir, extraDirTarget, at } = osbs;
  const container = await containerOf(configuration);
  const gatingFile = configuration?.gatingFile;
  return {
    ...given({
      repository: repository && given({ name: repository.name?.text, branch: repository.branch?.text }),
      container,
      gating: gatingFile && (await readNamedFile(imagePath(gatingFile), gatingFile.at)).text,
      kojiTarget: kojiTarget?.text,
      extraDirTarget,
      at,
    }),
    extraDir: extraDir ? imagePath(extraDir) : resolve(directory, 'osbs_extra'),
    remoteSource: isMap(container) && Object.hasOwn(container, 'remote_source'),
  };
}

async function containerOf(configuration: RawConfiguration | undefined): Promise<Plain | undefined> {
  const file = configuration?.containerFile;
  if (file === undefined) return configuration?.container?.value;
  return plainOf(await readYamlFile(imagePath(file), file.at));
}

function isMap(value: Plain | undefined): value is { readonly [key: string]: Plain } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
