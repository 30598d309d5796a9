import { AshlarError, codeOf, type SourceSpan } from '../../../support/errors.ts';
import type { SourceText } from '../../../support/source-text.ts';
import { readText } from '../../../support/text-file.ts';
import { parseYaml, type YamlNode } from '../../../support/yaml.ts';
import { resolvePythonScalar } from '../descriptor/python.ts';

/** The text of a file that a descriptor names at `at`. */
export async function readNamedFile(path: string, at: SourceSpan): Promise<SourceText> {
  try {
    return await readText(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') {
      throw new AshlarError(`'${path}' file not found!`, { at, cause });
    }
    throw new AshlarError(`cannot read '${path}'`, { at, cause });
  }
}

/** What a YAML file that a descriptor names at `at` holds. */
export async function readYamlFile(path: string, at: SourceSpan): Promise<YamlNode> {
  return parseYaml(await readNamedFile(path, at), resolvePythonScalar);
}
