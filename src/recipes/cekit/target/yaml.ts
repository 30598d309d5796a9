import { Document } from 'yaml';

/** Plain JSON as YAML 1.1, with keys in their order or sorted. */
export function toYaml(value: unknown, { sorted }: { readonly sorted: boolean }): string {
  const document = new Document(value, {
    version: '1.1',
    sortMapEntries: sorted,
    aliasDuplicateObjects: false,
  });
  return document.toString({ lineWidth: 0, directives: false });
}
