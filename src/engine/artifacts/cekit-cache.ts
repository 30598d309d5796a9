/**
 * CEKit's artifact cache: files named by UUIDs, each with a YAML file that says what it hashes to. Only read, and not
 * believed before a file was read.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checksumAlgorithms } from '../../plan/checksums.ts';
import type { Checksums } from '../../plan/types.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { sourceText } from '../../support/source-text.ts';
import { keyName, parseYaml, type YamlNode } from '../../support/yaml.ts';
import type { KeptArtifact } from './records.ts';

export interface CekitArtifact extends Omit<KeptArtifact, 'size' | 'checksums'> {
  readonly checksums: Checksums;
  readonly path: string;
}

/** What is in the cache, in the order of the UUIDs; entries that are damaged or without a file are left out. */
export function readCekitCache(directory: string): readonly CekitArtifact[] {
  return namesIn(directory)
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .flatMap(name => readEntry(directory, name.slice(0, -'.yaml'.length)));
}

function readEntry(directory: string, uuid: string): readonly CekitArtifact[] {
  const path = join(directory, uuid);
  const file = `${path}.yaml`;
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return [];
    const fields = fieldsOf(parseYaml(sourceText(file, readFileSync(file, 'utf8'))));
    const checksums = Object.fromEntries(
      checksumAlgorithms.flatMap(algorithm => {
        const node = fields.get(algorithm);
        const text = node && rawText(node)?.toLowerCase();
        return text === undefined ? [] : [[algorithm, text]];
      }),
    );
    const names = fields.get('names');
    const texts = names?.kind === 'list' ? names.items.flatMap(item => rawText(item) ?? []) : [];
    return [{ uuid, path, checksums, names: texts }];
  } catch (error) {
    // CEKit may have just removed it, and what cannot be read is of no use to us.
    const code = codeOf(error);
    if (error instanceof AshlarError || ['ENOENT', 'EACCES', 'EISDIR'].includes(code ?? '')) return [];
    throw error;
  }
}

function fieldsOf(node: YamlNode): ReadonlyMap<string, YamlNode> {
  if (node.kind !== 'map') return new Map();
  return new Map(node.entries.map(({ key, value }) => [keyName(key), value]));
}

/** As it is written: a checksum of digits alone would be a number. */
function rawText(node: YamlNode): string | undefined {
  return node.kind === 'list' || node.kind === 'map' || node.raw === '' ? undefined : node.raw;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // Most people have none, and one that cannot be read is none of ours.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(error) ?? '')) return [];
    throw error;
  }
}
