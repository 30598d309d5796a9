import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  Scalar,
  type YAMLParseError,
} from 'yaml';
import { AshlarError, type SourceSpan } from './errors.ts';
import { type SourceText, spanBetween } from './source-text.ts';
import { didYouMean } from './suggest.ts';
import { composeYaml } from './yaml-documents.ts';
import { printScalar, resolvePlainScalar, type ScalarDialect, type ScalarValue } from './yaml-scalars.ts';

/** A value of a YAML document with the place it was read from; aliases and merge keys are already expanded. */
export type YamlNode = YamlScalar | YamlList | YamlMap;

/** `raw` is the text as written, without quotes; the value is typed as the dialect does. */
export type YamlScalar = ScalarValue & { readonly raw: string; readonly span: SourceSpan };

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly span: SourceSpan;
}

export interface YamlMap {
  readonly kind: 'map';
  /** In the order of the text. A key that was written twice is there twice. */
  readonly entries: readonly YamlEntry[];
  readonly span: SourceSpan;
}

export interface YamlEntry {
  readonly key: YamlNode;
  readonly value: YamlNode;
}

// Far above any description that people write, far below what would exhaust the memory or the stack.
const maxNodes = 1_000_000;
const maxDepth = 500;
const tooDeep = 'YAML is nested too deeply';

/**
 * The one document of a YAML 1.1 text. Text that is not YAML, several documents, an alias that contains itself or
 * expands to more than a million values are an `AshlarError` with the reason and the place. Scalars are typed as stacker
 * does unless another dialect is given.
 */
export function parseYaml(source: SourceText, dialect: ScalarDialect = resolvePlainScalar): YamlNode {
  const { contents, problem } = composeYaml(source.text);
  if (problem !== undefined) throw syntaxError(source, problem);
  const reader: Reader = { source, dialect, anchors: new Map(), nodes: 0 };
  return readNode(reader, contents, [0, 0], 0);
}

/** The text of a scalar, printed from its typed value (`1.10` -> `1.1`); undefined for lists and maps. */
export function textOf(node: YamlNode): string | undefined {
  return node.kind === 'list' || node.kind === 'map' ? undefined : printScalar(node);
}

/** The value as one line of JSON-like text for messages, shortened where it is long. */
export function showYaml(node: YamlNode): string {
  const text = show(node);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** What to call a key in messages: its text, or how it looks when it is a list or map. */
export function keyName(key: YamlNode): string {
  return textOf(key) ?? showYaml(key);
}

/** The entries with unique keys: of a key that was written twice the last one counts, which is warned about. */
export function uniqueEntries(map: YamlMap, warn: (message: string, at: SourceSpan) => void): YamlEntry[] {
  const entries = new Map<string, YamlEntry>();
  for (const entry of map.entries) {
    const identity = show(entry.key);
    if (entries.has(identity))
      warn(`'${keyName(entry.key)}' is given twice, the last one counts`, entry.key.span);
    entries.set(identity, entry);
  }
  return [...entries.values()];
}

interface Reader {
  readonly source: SourceText;
  readonly dialect: ScalarDialect;
  /** What each anchor stands for and how many nodes that is; undefined while the anchor's node is being read. */
  readonly anchors: Map<string, { readonly node: YamlNode; readonly nodes: number } | undefined>;
  /** Read so far, aliases counted with all they stand for. */
  nodes: number;
}

function readNode(reader: Reader, node: Node | null, place: Range, depth: number): YamlNode {
  const span = spanOf(reader, node?.range ?? place);
  if (depth > maxDepth) throw new AshlarError(tooDeep, { at: span });
  if (isAlias(node)) return { ...readAlias(reader, node.source, span), span };
  countNodes(reader, 1, span);

  const anchor =
    node !== null && 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : undefined;
  const before = reader.nodes;
  if (anchor !== undefined) reader.anchors.set(anchor, undefined);
  const result = readContent(reader, node, span, depth);
  if (anchor !== undefined) reader.anchors.set(anchor, { node: result, nodes: reader.nodes - before + 1 });
  return result;
}

function readContent(reader: Reader, node: Node | null, span: SourceSpan, depth: number): YamlNode {
  if (isSeq<ParsedNode>(node)) {
    const items = node.items.map(item => readNode(reader, item, node.range ?? [0, 0], depth + 1));
    return { kind: 'list', items, span };
  }
  if (isMap<ParsedNode, ParsedNode | null>(node)) {
    const entries = node.items.map(({ key, value }) => {
      const keyNode = readNode(reader, key, node.range ?? [0, 0], depth + 1);
      // A key without a value: the error is best shown at the key.
      const valueNode = readNode(reader, value, key.range ?? [0, 0], depth + 1);
      return { key: keyNode, value: valueNode, merges: isMergeKey(key) };
    });
    return { kind: 'map', entries: mergeEntries(entries), span };
  }
  return isScalar(node) ? readScalar(reader, node, span) : { kind: 'null', raw: '', span };
}

function readScalar({ dialect }: Reader, node: Scalar, span: SourceSpan): YamlNode {
  const raw = String(node.value ?? '');
  if (raw.includes('\0')) throw new AshlarError('a NUL character cannot be used here', { at: span });
  const typed = node.tag?.startsWith('tag:yaml.org,2002:') ?? false;
  const plain = node.type === Scalar.PLAIN || node.type === undefined;
  const resolved = typed
    ? node.tag !== 'tag:yaml.org,2002:str' && node.tag !== 'tag:yaml.org,2002:binary'
    : plain;
  return resolved ? { ...dialect(raw), raw, span } : { kind: 'string', value: raw, raw, span };
}

function readAlias(reader: Reader, name: string, span: SourceSpan): YamlNode {
  const anchor = reader.anchors.get(name);
  if (anchor === undefined) {
    const problem = reader.anchors.has(name)
      ? `anchor "${name}" contains itself`
      : `unknown anchor "${name}"`;
    throw new AshlarError(problem, { at: span, hint: didYouMean(name, reader.anchors.keys()) });
  }
  countNodes(reader, anchor.nodes, span);
  return anchor.node;
}

function countNodes(reader: Reader, nodes: number, span: SourceSpan): void {
  reader.nodes += nodes;
  if (reader.nodes > maxNodes) {
    throw new AshlarError(`YAML holds more than ${maxNodes} values once its aliases are expanded`, {
      at: span,
    });
  }
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN;
}

/** What a merge key brings stands in its place, except for keys that the map has itself or that came before. */
function mergeEntries(entries: readonly (YamlEntry & { readonly merges: boolean })[]): YamlEntry[] {
  if (!entries.some(entry => entry.merges)) return entries.map(({ key, value }) => ({ key, value }));
  const taken = new Set(entries.filter(entry => !entry.merges).map(entry => show(entry.key)));
  return entries.flatMap(({ key, value, merges }) => {
    if (!merges) return [{ key, value }];
    return mapsToMerge(value).flatMap(map =>
      map.entries.filter(entry => {
        const identity = show(entry.key);
        return !taken.has(identity) && taken.add(identity);
      }),
    );
  });
}

function mapsToMerge(value: YamlNode): YamlMap[] {
  const maps = value.kind === 'list' ? value.items : [value];
  return maps.map(map => {
    if (map.kind === 'map') return map;
    throw new AshlarError('only maps can be merged with <<', { at: map.span });
  });
}

function show(node: YamlNode): string {
  switch (node.kind) {
    case 'list':
      return `[${node.items.map(show).join(', ')}]`;
    case 'map':
      return `{${node.entries.map(({ key, value }) => `${show(key)}: ${show(value)}`).join(', ')}}`;
    case 'null':
      return 'null';
    case 'string':
      return JSON.stringify(node.value);
    default:
      return printScalar(node);
  }
}

type Range = readonly [start: number, valueEnd: number, nodeEnd?: number];

function spanOf({ source }: Reader, [start, end]: Range): SourceSpan {
  return spanBetween(source, start, end);
}

function syntaxError(source: SourceText, problem: YAMLParseError): AshlarError {
  const at = spanBetween(source, ...problem.pos);
  const lineStart = source.text.lastIndexOf('\n', problem.pos[0] - 1) + 1;
  const [indentation = ''] = /^[ \t]*/.exec(source.text.slice(lineStart)) ?? [];
  if (indentation.includes('\t')) {
    const tab = lineStart + indentation.indexOf('\t');
    return new AshlarError('a tab is used for indentation, which YAML does not allow', {
      at: spanBetween(source, tab, tab + 1),
      hint: 'indent with spaces',
    });
  }
  // The library's own limit, which is that of the stack, is below ours in some places.
  if (problem.code === 'RESOURCE_EXHAUSTION') return new AshlarError(tooDeep, { at });
  if (problem.code === 'MULTIPLE_DOCS') {
    return new AshlarError('more than one YAML document', {
      at,
      hint: 'remove the line `---` and what follows it',
    });
  }
  return new AshlarError(problem.message, { at, hint: hints[problem.code] });
}

/** What usually helps against mistakes that the parser words as a grammarian would. */
const hints: { readonly [C in YAMLParseError['code']]?: string } = {
  BLOCK_AS_IMPLICIT_KEY: 'text with ": " in it needs quotes',
  BAD_SCALAR_START: 'put the text in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key is one word with ": " behind it; check the indentation',
};
