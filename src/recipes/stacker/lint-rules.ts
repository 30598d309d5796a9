import { statSync } from 'node:fs';
import type { ImagePlan, Source } from '../../plan/types.ts';
import { sourceText, spanBetween } from '../../support/source-text.ts';
import { floatingBases, type Remark, unpinnedDownloads } from '../plan-remarks.ts';
import type { StackerFile } from './file.ts';
import { prerequisitesOf } from './files.ts';
import type { StackerOptions } from './options.ts';
import { needsOf } from './order.ts';
import { findPlaceholders, type Substitution } from './substitute.ts';

/** Files without errors, and what they mean. */
interface Subject {
  readonly files: readonly StackerFile[];
  readonly images: readonly ImagePlan[];
  readonly substitutions: readonly Substitution[];
  readonly options: StackerOptions;
}

export type LintRule =
  | 'unused-layer'
  | 'unused-prerequisite'
  | 'unpinned-download'
  | 'floating-base'
  | 'overwritten-import'
  | 'stored-secret';

/** Besides these, the warnings of the reader are findings too. */
export const rules: readonly (readonly [LintRule, (subject: Subject) => Iterable<Remark>])[] = [
  ['unused-layer', unusedLayers],
  ['unused-prerequisite', unusedPrerequisites],
  ['unpinned-download', ({ images }) => unpinnedDownloads(images, 'hash')],
  ['floating-base', ({ images }) => floatingBases(images)],
  ['overwritten-import', overwrittenImports],
  ['stored-secret', storedSecrets],
];

/**
 * Layers that nothing uses and that are no result either. A file of build_only layers alone is there for others, and
 * what a layer with binds makes may be on the host.
 */
function* unusedLayers({ files, images }: Subject): Iterable<Remark> {
  const used = neededBy(images, images);
  for (const file of files) {
    const own = file.layers.flatMap(({ name }) => images.filter(image => image.name === name));
    if (!own.some(isResult)) continue;
    for (const image of own) {
      const { name, shell, at } = image;
      if (isResult(image) || used.has(name) || shell.binds.length > 0) continue;
      yield { message: `nothing uses the layer '${name}', which is build_only`, at };
    }
  }
}

/** Whether something is handed out of it. */
function isResult({ emit, outputs = [] }: ImagePlan): boolean {
  return emit || outputs.length > 0;
}

function* unusedPrerequisites({ files, images }: Subject): Iterable<Remark> {
  for (const file of files.filter(({ layers }) => layers.length > 0)) {
    const names = new Set(file.layers.map(({ name }) => name));
    const own = images.filter(({ name }) => names.has(name));
    const used = neededBy(own, images);
    for (const { path, at } of file.prerequisites) {
      const named = files.filter(other => other.path === path);
      const brought = [...named, ...named.flatMap(other => prerequisitesOf(other, files))];
      if (brought.some(({ layers }) => layers.some(({ name }) => used.has(name)))) continue;
      yield { message: 'no layer of this prerequisite is used here', at };
    }
  }
}

/** What images are made from, directly or by way of others. */
function neededBy(some: readonly ImagePlan[], images: readonly ImagePlan[]): Set<string> {
  const needed = new Set<string>();
  const visit = (image: ImagePlan) => {
    for (const name of [...needsOf(image).map(need => need.image), ...image.after]) {
      if (needed.has(name)) continue;
      needed.add(name);
      for (const next of images) if (next.name === name) visit(next);
    }
  };
  for (const image of some) visit(image);
  return needed;
}

function* overwrittenImports({ images }: Subject): Iterable<Remark> {
  for (const { steps } of images) {
    const copies = steps.flatMap(step => (step.kind === 'copy' ? step.items : []));
    for (const [i, { target, source, at }] of copies.entries()) {
      // Directories of one place are merged.
      const later = copies.slice(i + 1).find(copy => copy.target === target && isFile(copy.source));
      if (later === undefined || !isFile(source)) continue;
      yield { message: `${target} is overwritten by the import in line ${later.at.line}`, at };
    }
  }
}

function isFile(source: Source): boolean {
  if (source.kind !== 'file') return source.kind === 'http';
  return statSync(source.path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The text of a file after substitution becomes an annotation of its images. */
function* storedSecrets({ files, substitutions, options }: Subject): Iterable<Remark> {
  if (!options.storeText) return;
  const hint = 'import it as a file, which is never part of the image, or build with --no-stacker-yaml';
  for (const { source } of files) {
    const original = sourceText(source.file, source.original);
    for (const { key } of substitutions.filter(({ key, value }) => soundsSecret(key) && value !== '')) {
      const [first] = findPlaceholders(original.text, key);
      if (first === undefined) continue;
      const at = spanBetween(original, first.start, first.end);
      yield { message: `the value of ${key}, probably a secret, is stored in the images`, at, hint };
    }
    for (const { index, 0: found } of source.text.matchAll(secretValue)) {
      const at = spanBetween(source, index, index + found.length);
      yield { message: 'what looks like a secret is stored in the images', at, hint };
    }
  }
}

/** Whether a name has a word for secrets in it, and is not that of a place where one is kept. */
function soundsSecret(name: string): boolean {
  const words = name.replace(/([a-z])(?=[A-Z])|[-.]/g, '$1_');
  return /(?:^|_)(?:pass(?:word|wd|phrase)?|pw|secret|token|credentials?|(?:api|private|access|signing)_?key)(?:$|_(?!file|path|dir|url))/i.test(
    words,
  );
}

// Tokens that can be told by their form: of AWS, GitHub, GitLab, Slack and npm, keys in PEM, passwords in addresses.
const secretValue =
  /\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}|\bglpat-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}|\bnpm_[A-Za-z0-9]{36}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bhttps?:\/\/[^\s/:@"']+:[^\s/:@"']+@/g;
