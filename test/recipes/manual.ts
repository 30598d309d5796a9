/** Pages of docs/ for users, as tests look at them. */
import { existsSync, readFileSync } from 'node:fs';

/** @param name Of a page, without its folder. */
export function readManual(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}

/** The examples in YAML. */
export function examplesOf(manual: string): readonly string[] {
  return [...manual.matchAll(/^```yaml\n(.*?)^```$/gms)].map(match => match[1] ?? '');
}

/** The tests that the rows of tables name, without `test/` and `.test.ts`. */
export function testsNamedIn(manual: string): readonly string[] {
  const rows = manual.split('\n').filter(line => line.startsWith('| ') && line.includes('` |'));
  const named = rows.flatMap(row =>
    [...row.matchAll(/`([a-z0-9]+\/[\w/-]+)`/g)].map(([, name]) => name ?? ''),
  );
  return named.filter(name =>
    /^(cli|disk|e2e|engine|layers|oci|packages|recipes|sandbox|setup|stacking|support)\//.test(name),
  );
}

export function isTest(name: string): boolean {
  return existsSync(new URL(`../${name}.test.ts`, import.meta.url));
}
