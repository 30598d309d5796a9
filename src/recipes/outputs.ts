/** `outputs` of descriptions: what is made of the tree of one image, all from the same content. */
import type { DiskSize, FileSystemOutput, FileSystemType, Output } from '../plan/outputs.ts';
import { type DiskWords, diskOutput, parseDiskSize } from '../plan/simple-disk.ts';
import type { ImagePlan, LayerForm } from '../plan/types.ts';
import { AshlarError, type SourceSpan } from '../support/errors.ts';
import { given } from '../support/given.ts';
import { didYouMean } from '../support/suggest.ts';
import { keyName, showYaml, textOf, uniqueEntries, type YamlMap, type YamlNode } from '../support/yaml.ts';
import {
  diskKeys,
  fileSystemKeys,
  fileSystems,
  firmwares,
  formats,
  initrds,
  loaders,
  type OutputKeys,
  type OutputWord,
  outputWords,
} from './output-words.ts';

/** What a description asks for. */
export interface WantedOutputs {
  /** Forms in the OCI layout; none where the image itself is not wanted. */
  readonly forms: readonly LayerForm[];
  readonly files: readonly WantedFile[];
  readonly at: SourceSpan;
}

type WantedFile = { readonly at: SourceSpan } & (
  | { readonly kind: 'disk'; readonly words: DiskWords }
  | ({ readonly kind: 'file-system'; readonly type: FileSystemType } & FileSystemWords)
  | { readonly kind: 'archive'; readonly format: Archive }
);

interface FileSystemWords {
  readonly label?: string;
  readonly verity: boolean;
}

type Archive = Exclude<OutputWord, 'oci' | 'squashfs' | 'erofs' | 'disk' | 'filesystem'>;

type Warn = (message: string, at: SourceSpan) => void;

/** @throws AshlarError for the first thing in the list that is wrong. */
export function readOutputs(node: YamlNode, warn: Warn): WantedOutputs {
  if (node.kind !== 'list')
    throw expected("'outputs'", 'a list', node, 'for example outputs: [oci, {disk: {format: qcow2}}]');
  if (node.items.length === 0)
    throw new AshlarError("'outputs' names nothing", {
      at: node.span,
      hint: `there are ${Object.keys(outputWords).join(', ')}`,
    });
  const forms: LayerForm[] = [];
  const files: WantedFile[] = [];
  const seen = new Set<string>();
  for (const item of node.items) {
    const { word, settings, at } = readEntry(item, warn);
    const wanted = readWanted(word, settings, at, warn);
    const what =
      typeof wanted === 'object' && wanted.kind === 'file-system' ? `${word}: ${wanted.type}` : word;
    if (seen.has(what)) throw new AshlarError(`'${what}' is given twice in 'outputs'`, { at });
    seen.add(what);
    if (typeof wanted === 'string') forms.push(wanted);
    else files.push(wanted);
  }
  return { forms, files, at: node.span };
}

/**
 * What a plan says of it.
 * @param name What the files are called, without what tells their kinds.
 */
export function plannedOutputs(
  { forms, files }: WantedOutputs,
  { name, platform }: Pick<ImagePlan, 'name' | 'platform'>,
): { readonly forms: readonly LayerForm[]; readonly outputs: readonly Output[] } {
  const { architecture } = platform;
  return { forms, outputs: files.map(file => outputOf(file, name, architecture)) };
}

function outputOf(file: WantedFile, name: string, architecture: string): Output {
  const { at } = file;
  switch (file.kind) {
    case 'disk':
      return diskOutput(file.words, { name, architecture, at });
    case 'file-system':
      return fileSystemOutput(file, name);
    case 'archive': {
      const { format } = file;
      return { kind: 'archive', format, file: `${name}.${format}`, role: 'root_archive', at };
    }
  }
}

function fileSystemOutput(
  { type, label = 'ROOT', verity, at }: Extract<WantedFile, { readonly kind: 'file-system' }>,
  name: string,
): FileSystemOutput {
  return {
    kind: 'file-system',
    fileSystem: { type, label, createOptions: [] },
    ...(verity && { verity }),
    file: `${name}.${type}`,
    role: 'filesystem_image',
    at,
  };
}

interface Entry {
  readonly word: OutputWord;
  readonly settings: YamlNode | undefined;
  readonly at: SourceSpan;
}

/** A word, or a map of one word and its settings. */
function readEntry(node: YamlNode, warn: Warn): Entry {
  if (node.kind === 'string') return { word: readOutputWord(node), settings: undefined, at: node.span };
  const [entry, ...more] = node.kind === 'map' ? uniqueEntries(node, warn) : [];
  if (!entry || more.length > 0)
    throw expected(
      "an entry of 'outputs'",
      'a word, or a map of one word and its settings',
      node,
      'for example oci, or {disk: {size: 4G}}',
    );
  const { key, value } = entry;
  return { word: readOutputWord(key), settings: value.kind === 'null' ? undefined : value, at: key.span };
}

function readOutputWord(node: YamlNode): OutputWord {
  const name = keyName(node);
  if (isWord(name, outputWords)) return name;
  throw new AshlarError(`unknown output ${name}`, { at: node.span, hint: hintFor(name) });
}

function hintFor(name: string): string {
  if (isWord(name, fileSystems)) return `write filesystem: ${name}`;
  if (isWord(name, formats)) return `write disk: {format: ${name}}`;
  if (name === 'raw') return 'write disk';
  const words = Object.keys(outputWords);
  return didYouMean(name, words) ?? `there are ${words.join(', ')}`;
}

function readWanted(
  word: OutputWord,
  settings: YamlNode | undefined,
  at: SourceSpan,
  warn: Warn,
): LayerForm | WantedFile {
  switch (word) {
    case 'disk':
      return { kind: 'disk', words: readDisk(settings, warn), at };
    case 'filesystem':
      return { kind: 'file-system', ...readFileSystem(settings, at, warn), at };
    default:
      if (settings)
        throw new AshlarError(`'${word}' has no settings: ${showYaml(settings)}`, {
          at: settings.span,
          hint: `write it alone: - ${word}`,
        });
      if (word === 'oci') return 'usual';
      return word === 'squashfs' || word === 'erofs' ? word : { kind: 'archive', format: word, at };
  }
}

function readDisk(node: YamlNode | undefined, warn: Warn): DiskWords {
  if (!node) return {};
  const settings = readSettings('disk', node, diskKeys, warn);
  return given({
    fileSystem: settings.word('filesystem', fileSystems),
    firmware: settings.word('firmware', firmwares),
    loader: settings.word('loader', loaders),
    legacyBoot: settings.flag('legacy_boot'),
    size: settings.size('size'),
    verity: settings.flag('verity'),
    commandLine: settings.text('cmdline'),
    initrd: settings.word('initrd', initrds),
    label: settings.text('label'),
    title: settings.text('title'),
    hostname: settings.text('hostname'),
    rootPassword: settings.text('root_password'),
    formats: settings.words('format', formats),
  });
}

/** The word alone, or a map. */
function readFileSystem(
  node: YamlNode | undefined,
  at: SourceSpan,
  warn: Warn,
): { readonly type: FileSystemType } & FileSystemWords {
  if (node && node.kind !== 'map') return { type: readWord(node, 'filesystem', fileSystems), verity: false };
  const settings = node && readSettings('filesystem', node, fileSystemKeys, warn);
  const type = settings?.word('type', fileSystems);
  if (!settings || !type)
    throw new AshlarError("'filesystem' does not say which", {
      at: node?.span ?? at,
      hint: `for example filesystem: ext4; there are ${Object.keys(fileSystems).join(', ')}`,
    });
  const label = settings.text('label');
  return { type, verity: settings.flag('verity') ?? false, ...(label !== undefined && { label }) };
}

/** The values of a map all of whose keys are known; undefined for what is not given, or empty text. */
function readSettings(what: string, node: YamlNode, known: OutputKeys, warn: Warn) {
  if (node.kind !== 'map') throw expected(`'${what}'`, 'a map of settings', node);
  const values = valuesOf(what, node, known, warn);
  const read = <T>(key: string, from: (node: YamlNode, name: string) => T): T | undefined => {
    const value = values.get(key);
    return value && value.kind !== 'null' ? from(value, `${what}.${key}`) : undefined;
  };
  return {
    text: (key: string) => read(key, readText) || undefined,
    flag: (key: string) => read(key, readFlag),
    size: (key: string) => read(key, readSize),
    word: <W extends string>(key: string, words: Readonly<Record<W, string>>) =>
      read(key, (value, name) => readWord(value, name, words)),
    words: <W extends string>(key: string, words: Readonly<Record<W, string>>) =>
      read(key, (value, name) => readWords(value, name, words)),
  };
}

function valuesOf(what: string, node: YamlMap, known: OutputKeys, warn: Warn): ReadonlyMap<string, YamlNode> {
  const entries = uniqueEntries(node, warn);
  for (const { key } of entries) {
    const name = keyName(key);
    if (!Object.hasOwn(known, name))
      throw new AshlarError(`unknown setting ${name} of '${what}'`, {
        at: key.span,
        hint: didYouMean(name, Object.keys(known)) ?? `there are ${Object.keys(known).join(', ')}`,
      });
  }
  return new Map(entries.map(({ key, value }) => [keyName(key), value]));
}

function readText(node: YamlNode, name: string): string {
  const text = textOf(node);
  if (text === undefined) throw expected(`'${name}'`, 'text', node);
  return text;
}

function readFlag(node: YamlNode, name: string): boolean {
  if (node.kind !== 'bool') throw expected(`'${name}'`, 'true or false', node);
  return node.value;
}

function readSize(node: YamlNode, name: string): DiskSize {
  const size = parseDiskSize(textOf(node) ?? '');
  if (!size) throw expected(`'${name}'`, 'a size like 4G or +1G', node);
  return size;
}

function readWord<W extends string>(node: YamlNode, name: string, words: Readonly<Record<W, string>>): W {
  const text = textOf(node);
  if (text !== undefined && isWord(text, words)) return text;
  const known = Object.keys(words);
  throw expected(
    `'${name}'`,
    `one of ${known.join(', ')}`,
    node,
    text === undefined ? undefined : didYouMean(text, known),
  );
}

function readWords<W extends string>(
  node: YamlNode,
  name: string,
  words: Readonly<Record<W, string>>,
): readonly W[] {
  const items = node.kind === 'list' ? node.items : [node];
  return [...new Set(items.map(item => readWord(item, name, words)))];
}

function isWord<W extends string>(text: string, words: Readonly<Record<W, string>>): text is W {
  return Object.hasOwn(words, text);
}

function expected(name: string, what: string, found: YamlNode, hint?: string): AshlarError {
  return new AshlarError(`${name} expected ${what}, found ${found.kind}: ${showYaml(found)}`, {
    at: found.span,
    hint,
  });
}
