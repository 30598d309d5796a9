import type { CekitOptions, Description } from '../../../src/recipes/cekit/index.ts';
import { describeImages } from '../../../src/recipes/cekit/index.ts';
import { optionsIn, writeFiles } from './load.ts';

export interface Resolved {
  readonly description: Description;
  /** With the name of the file and the line where they have a place: `image.yaml:3: message`. */
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  /** Of the directory in which the files were. */
  readonly cwd: string;
}

/** What the descriptor among the files describes, and what was said on the way. */
export async function resolved(
  files: Readonly<Record<string, string>>,
  more: Partial<CekitOptions> = {},
): Promise<Resolved> {
  await using directory = await writeFiles(files);
  return await resolvedIn(directory.path, more);
}

/** The same of a directory that is there already. */
export async function resolvedIn(cwd: string, more: Partial<CekitOptions> = {}): Promise<Resolved> {
  const warnings: string[] = [];
  const infos: string[] = [];
  const description = await describeImages(
    optionsIn(cwd, {
      warn: (message, at) =>
        warnings.push(at ? `${at.file.replace(`${cwd}/`, '')}:${at.line}: ${message}` : message),
      info: message => infos.push(message),
      ...more,
    }),
  );
  return { description, warnings, infos, cwd };
}
