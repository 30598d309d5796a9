import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readModule } from '../../../../src/recipes/cekit/descriptor/read.ts';
import type { RawInstall } from '../../../../src/recipes/cekit/descriptor/types.ts';
import { orderModules } from '../../../../src/recipes/cekit/modules/order.ts';
import type { Module, Registry } from '../../../../src/recipes/cekit/modules/registry.ts';
import { sourceText } from '../../../../src/support/source-text.ts';

interface Request {
  readonly name: string;
  readonly version?: string | undefined;
}

/** What each module depends on, in all its versions. */
type Graph = Readonly<Record<string, readonly Request[]>>;

const names = ['a', 'b', 'c', 'd', 'e'];
const requests = fc.array(
  fc.record({ name: fc.constantFrom(...names), version: fc.constantFrom(undefined, '1', '2') }),
  { maxLength: 3 },
);
const graph = fc.record(Object.fromEntries(names.map(name => [name, requests])));

it('modules are visited before and installed after what they depend on, each once and in the version that counts', () => {
  fc.assert(
    fc.property(graph, requests, (graph, listed) => {
      const { visited, installed } = order(graph, listed);
      const expected = expectedVersions(graph, listed);
      const withVersions = (names: readonly string[]) => [...new Set(names)].map(name => expected.get(name));
      expect(visited).toEqual(withVersions(parentsFirst(graph, listed).map(({ name }) => name)));
      expect(installed).toEqual(withVersions(parentsLast(graph, listed)));
    }),
    { numRuns: 300 },
  );
});

it('of every cycle one is told', () => {
  const { warnings } = order({ a: [{ name: 'b' }], b: [{ name: 'c' }], c: [{ name: 'b' }, { name: 'c' }] }, [
    { name: 'a' },
  ]);
  expect(warnings).toEqual([
    "Module version not specified for 'a' module, using '2' default version",
    "Module version not specified for 'b' module, using '2' default version",
    "Module version not specified for 'c' module, using '2' default version",
    'modules depend on each other: b -> c -> b',
    'modules depend on each other: c -> c',
  ]);
});

it('of two versions that modules ask for, the first one counts and the other is told', () => {
  const graph = { a: [{ name: 'c', version: '1' }], b: [{ name: 'c', version: '2' }], c: [] };
  const listed = [
    { name: 'a', version: '1' },
    { name: 'b', version: '1' },
  ];
  const { installed, warnings } = order(graph, listed);
  expect(installed).toEqual(['c 1', 'a 1', 'b 1']);
  expect(warnings).toEqual(['Module version inconsistency for c: 2 requested, but 1 will be used.']);
});

it('nothing is inconsistent where the image names the version, or nobody does', () => {
  const graph = { a: [{ name: 'c', version: '1' }], b: [{ name: 'c' }], c: [] };
  const modules = [
    { name: 'a', version: '1' },
    { name: 'b', version: '1' },
  ];
  expect(order(graph, modules)).toMatchObject({ installed: ['c 1', 'a 1', 'b 1'], warnings: [] });
  expect(order(graph, [...modules, { name: 'c', version: '2' }])).toMatchObject({
    installed: ['c 2', 'a 1', 'b 1'],
    warnings: [],
  });
});

it('an image that names a module twice means the last version, at the place of the first', () => {
  const listed = [
    { name: 'a', version: '1' },
    { name: 'b', version: '1' },
    { name: 'a', version: '2' },
  ];
  expect(order({ a: [], b: [] }, listed).installed).toEqual(['a 2', 'b 1']);
});

it('a chain of modules without end is an error', () => {
  const chain = Array.from(
    { length: 1001 },
    (_, i) => [`m${i}`, [{ name: `m${i + 1}`, version: '1' }]] as const,
  );
  const graph = Object.fromEntries(chain);
  const start = [{ name: 'm1', version: '1' }];
  expect(order({ ...graph, m1000: [] }, start).installed).toHaveLength(1000);
  expect(() => order({ ...graph, m1001: [] }, start)).toThrow('modules depend on too many others');
});

/** All requests as they come up, a module's own after it; dependents are not asked for again. */
function parentsFirst(graph: Graph, requests: readonly Request[], above: readonly string[] = []): Request[] {
  return requests.flatMap(request =>
    above.includes(request.name)
      ? [request]
      : [request, ...parentsFirst(graph, graph[request.name] ?? [], [...above, request.name])],
  );
}

function parentsLast(graph: Graph, requests: readonly Request[], above: readonly string[] = []): string[] {
  return requests.flatMap(({ name }) =>
    above.includes(name) ? [] : [...parentsLast(graph, graph[name] ?? [], [...above, name]), name],
  );
}

function expectedVersions(graph: Graph, listed: readonly Request[]): Map<string, string> {
  const counting = [...parentsFirst(graph, listed).reverse(), ...listed];
  return new Map(counting.map(({ name, version }) => [name, `${name} ${version ?? '2'}`]));
}

function order(graph: Graph, listed: readonly Request[]) {
  const warnings: string[] = [];
  const listener = { warn: (message: string) => void warnings.push(message), info: () => undefined };
  const modules = Object.entries(graph).map(
    ([name, install]) => [name, ['1', '2'].map(version => module(name, version, install))] as const,
  );
  const registry: Registry = { modules: new Map(modules), broken: [] };
  const { visited, installed } = orderModules(listed.map(located), registry, listener);
  return { visited: visited.map(shown), installed: installed.map(shown), warnings };
}

function shown({ name, version }: Module): string {
  return `${name.text} ${version.text}`;
}

const at = { file: '/image.yaml', line: 1, column: 1 };

function located({ name, version }: Request): RawInstall {
  return { name: { text: name, at }, ...(version !== undefined && { version: { text: version, at } }), at };
}

function module(name: string, version: string, install: readonly Request[]): Module {
  const directory = `/modules/${name}/${version}`;
  const source = sourceText(
    `${directory}/module.yaml`,
    JSON.stringify({ name, version, modules: { install } }),
  );
  const raw = readModule({ source, directory }, { warn: () => undefined, info: () => undefined });
  const repository = { name: 'modules', directory: '/modules', target: 'modules', kind: 'path', at } as const;
  return { ...raw, repository, remarks: [] };
}
