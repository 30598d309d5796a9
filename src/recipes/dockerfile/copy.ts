/** COPY and ADD: what they bring becomes imports, by the rules of Docker for files, directories and slashes. */
import { posix } from 'node:path';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { ignoring } from './context.ts';
import type { Conversion } from './conversion.ts';
import type { Heredoc, Instruction } from './instructions.ts';
import type { ImportEntry } from './layer.ts';
import { isRootUser } from './shell.ts';
import type { Stage } from './stage.ts';
import { concat, isLiteral, literal, plain, type Text } from './text.ts';
import { expandHeredoc, expandWord, readJsonForm } from './words.ts';

/** A COPY or ADD while it is done. */
interface Copying {
  readonly instruction: Instruction;
  readonly stage: Stage;
  readonly conversion: Conversion;
  /** Absolute. */
  readonly dest: Text;
  /** Whether files go into `dest` and do not become it. */
  readonly into: boolean;
  readonly owner: Owner;
  readonly mode: number | undefined;
  /** Permissions that are not a number. */
  readonly symbolicMode: string | undefined;
  readonly sha256: string | undefined;
  readonly excluded: ((path: string) => boolean) | undefined;
}

interface Owner {
  /** As chown takes it. */
  readonly text?: Text;
  readonly uid?: number;
  readonly gid?: number;
  /** An owner by name, who is known only in the image. */
  readonly name?: Text;
}

export function copyFiles(instruction: Instruction, stage: Stage, conversion: Conversion): void {
  const { keyword, text, at, heredocs } = instruction;
  const scope = conversion.scope(stage, at);
  const words = readJsonForm(text) ?? text.split(/\s+/).filter(word => word !== '');
  const last = words.at(-1);
  if (last === undefined || words.length < 2) {
    throw new AshlarError(
      `${keyword} requires at least two arguments, but only ${words.length} were provided`,
      { at },
    );
  }
  const flag = (name: string) => instruction.flags.find(candidate => candidate.name === name)?.value;
  const destination = expandWord(last, scope);
  const dest = stage.absolute(destination);
  const into = /(^|\/)\.?$/.test(plain(destination)) || stage.isDirectory(dest);
  const chmod = flag('chmod') && plain(expandWord(flag('chmod') ?? '', scope));
  const octal = chmod && /^[0-7]{1,4}$/.test(chmod) ? Number.parseInt(chmod, 8) : undefined;
  const excludes = instruction.flags.filter(({ name }) => name === 'exclude').map(({ value }) => value);
  const copying: Copying = {
    instruction,
    stage,
    conversion,
    dest,
    into,
    owner: readOwner(expandWord(flag('chown') ?? '', scope)),
    mode: octal,
    symbolicMode: octal === undefined ? chmod : undefined,
    sha256: flag('checksum')?.replace(/^sha256:/, ''),
    excluded: excludes.length > 0 ? ignoring(excludes) : undefined,
  };
  warnAboutFlags(copying);

  const sources = words
    .slice(0, -1)
    .map(word => heredocs.find(heredoc => heredoc.word === word) ?? expandWord(word, scope));
  const from = flag('from');
  if (sources.length > 1 && !into) throw severalSources(keyword, at);
  for (const source of sources) {
    if (!isText(source)) copyHeredoc(source, copying);
    else if (from !== undefined) copyFromStage(source, plain(expandWord(from, scope)), copying);
    else if (keyword === 'ADD' && isRepository(plain(source))) noteGit(copying);
    else if (keyword === 'ADD' && /^https?:\/\//.test(plain(source))) addUrl(source, copying);
    else copyFromContext(source, copying);
  }
}

const isText = (source: Heredoc | Text): source is Text => !('word' in source);

const isGlob = (text: Text): boolean => /[*?[]/.test(plain(text));

/** Docker clones these. */
const isRepository = (source: string): boolean =>
  /^(git@|git:\/\/|ssh:\/\/)|^https?:\/\/.*\.git(#|$)/.test(source);

function severalSources(keyword: string, at: SourceSpan): AshlarError {
  return new AshlarError(
    `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
    { at },
  );
}

function readOwner(owner: Text): Owner {
  const ids = /^(\d+)(?::(\d+))?$/.exec(plain(owner));
  if (plain(owner) === '') return {};
  if (!ids || !isLiteral(owner)) return { text: owner, name: owner };
  // A user's number alone is the group's, too.
  const [uid, gid] = [Number(ids[1]), Number(ids[2] ?? ids[1])];
  return { text: [`${uid}:${gid}`], uid, gid };
}

function warnAboutFlags({ instruction, conversion, stage }: Copying): void {
  const known = ['from', 'chown', 'chmod', 'link', 'exclude', 'checksum'];
  for (const { name, at } of instruction.flags) {
    if (!known.includes(name)) conversion.note(stage, `--${name} of ${instruction.keyword} is left out`, at);
  }
}

/** A file of the image that is copied to what a destination says. */
function fileTarget(source: Text, { dest, into }: Copying): Text {
  return into ? concat(plain(dest) === '/' ? [] : dest, ['/'], baseName(source)) : dest;
}

function baseName(path: Text): Text {
  const pieces: Text[] = [];
  for (const piece of path.toReversed()) {
    const slash = typeof piece === 'string' ? piece.lastIndexOf('/') : -1;
    pieces.unshift(typeof piece === 'string' ? literal(piece.slice(slash + 1)) : [piece]);
    if (slash >= 0) break;
  }
  return concat(...pieces);
}

/** Copies to one path of the image. `parts` are what of it the copy brings, where that is known. */
function place(
  path: Text,
  target: Text,
  kind: 'file' | 'directory' | 'unknown',
  copying: Copying,
  parts: readonly Text[] = [target],
): void {
  const { stage, conversion, owner, mode, symbolicMode, sha256, instruction } = copying;
  const entry: ImportEntry & { dest: Text } = {
    path,
    dest: target,
    ...(sha256 !== undefined && { hash: sha256 }),
    ...(mode !== undefined && { mode }),
    ...(owner.uid !== undefined && { uid: owner.uid }),
    ...(owner.gid !== undefined && { gid: owner.gid }),
  };
  if (owner.text) stage.prepareFor(target, owner.text);
  stage.copy(entry, kind === 'directory');
  const permissions =
    symbolicMode ?? (mode !== undefined && kind === 'directory' ? mode.toString(8) : undefined);
  const corrections = [
    ...(owner.name ? [conversion.shell.changeOwner(owner.name, parts, kind !== 'file')] : []),
    ...(permissions !== undefined ? [conversion.shell.changeMode(permissions, parts)] : []),
  ];
  if (corrections.length === 0) return;
  if (stage.from.type !== 'scratch') for (const line of corrections) stage.correct(line);
  else
    conversion.note(
      stage,
      'without a base, owners by name and permissions of directories are left out',
      instruction.at,
    );
}

function copyFromContext(source: Text, copying: Copying): void {
  const { conversion, stage, instruction } = copying;
  const { context } = conversion;
  // What leads out of the context stays in it, as in Docker.
  const path = posix.resolve('/', plain(source)).slice(1);
  if (isGlob(source)) {
    const found = context.glob(path);
    if (found.length === 0) {
      conversion.note(stage, `nothing matches ${plain(source)}, it is left out`, instruction.at);
      return;
    }
    if (found.length > 1 && !copying.into) throw severalSources(instruction.keyword, instruction.at);
    conversion.note(stage, `${plain(source)} stands for what matches it now`, instruction.at);
    for (const match of found) copyPath(literal(match), match, copying);
    return;
  }
  copyPath(isLiteral(source) ? literal(path) : withoutRoot(source), path, copying);
}

/** Without slashes at the beginning. */
function withoutRoot(path: Text): Text {
  const [first, ...rest] = path;
  return typeof first === 'string' ? concat(literal(first.replace(/^(\.?\/)+/, '')), rest) : path;
}

/** Copies a path of the context; `written` is how the stacker file says it. */
function copyPath(written: Text, path: string, copying: Copying): void {
  const { conversion, stage, instruction } = copying;
  const { context } = conversion;
  const kind = context.kind(path);
  const excluded = kind === 'directory' ? context.cover(path)?.length === 0 : kind === 'file';
  if (excluded && context.isIgnored(path)) {
    throw new AshlarError(`${path} is excluded by .dockerignore`, { at: instruction.at });
  }
  if (kind === 'missing')
    conversion.note(stage, `${path} is not there now, it is taken for a file`, instruction.at);
  if (kind === 'directory') {
    copyDirectory(written, path, copying);
    return;
  }
  if (instruction.keyword === 'ADD' && kind === 'file' && context.isArchive(path)) {
    unpack(path, copying);
    return;
  }
  noteGuess(path, copying);
  const followed = kind === 'file' ? context.followed(path) : path;
  const host = conversion.hostPath(followed === path ? written : literal(followed));
  place(host, fileTarget(written, copying), 'file', copying);
}

/** A destination without a slash is a file, unless the base has a directory of that name. */
function noteGuess(path: string, { into, dest, stage, conversion, instruction }: Copying): void {
  const name = posix.basename(plain(dest));
  if (into || stage.from.type === 'scratch' || name.includes('.') || name === posix.basename(path)) return;
  conversion.note(
    stage,
    `${plain(dest)} is taken for a file; a directory needs a slash at its end`,
    instruction.at,
  );
}

function copyDirectory(written: Text, path: string, copying: Copying): void {
  const { conversion, stage, dest, owner, mode, symbolicMode, excluded } = copying;
  const { context } = conversion;
  const kept = context.cover(path, excluded);
  if (kept === undefined) {
    const host = conversion.hostPath(written);
    const simple =
      owner.uid === undefined && owner.name === undefined && (mode ?? symbolicMode) === undefined;
    if (simple && context.hasOddDirectories(path)) stage.overlay(host, dest);
    else place(concat(host, ['/']), dest, 'directory', copying, partsOf(context.list(path), copying));
    return;
  }
  const helper = conversion.helper(stage, 'context', {
    comments: [`What is copied of ${path || 'the context'}, as of the conversion`],
    from: { type: 'scratch' },
    imports: conversion.contextImports(path, ['/'], excluded),
  });
  const names = new Set(kept.map(name => posix.relative(path, name).split('/')[0] ?? ''));
  place(concat(['stacker://'], helper, ['/']), dest, 'directory', copying, partsOf([...names], copying));
}

/** The paths of the image that a directory's entries become; the directory itself, where the copy makes it. */
function partsOf(names: readonly string[], { dest, stage }: Copying): Text[] {
  if (!stage.isDirectory(dest)) return [dest];
  return names.map(name => concat(plain(dest) === '/' ? [] : dest, [`/${name}`]));
}

function copyFromStage(source: Text, from: string, copying: Copying): void {
  const { conversion, stage, dest, into, instruction } = copying;
  const origin = conversion.origin(from, stage, instruction.at);
  const path = isLiteral(source)
    ? literal(posix.resolve('/', plain(source)))
    : concat(['/'], withoutRoot(source));
  const slash = /(^|\/)\.?$/.test(plain(source));
  const directory = slash || origin.stage?.isDirectory(path) === true;
  if (origin.stage?.user && !isRootUser(origin.stage.user)) {
    conversion.note(
      stage,
      `what is copied from ${from} becomes root's; name another owner with uid and gid`,
      instruction.at,
    );
  }
  const whole = concat(['stacker://'], origin.name, plain(path) === '/' ? [] : path);
  if (isGlob(path) || (into && !directory && origin.stage?.ran)) {
    // Only a shell there can tell files from directories, and what a pattern matches.
    const gathered = conversion.gather(stage, origin.name, path);
    place(concat(['stacker://'], gathered, ['/copied/']), dest, 'directory', copying);
    return;
  }
  if (directory) {
    place(concat(whole, ['/']), dest, 'directory', copying);
    return;
  }
  if (into) conversion.note(stage, `${plain(path)} of ${from} is taken for a file`, instruction.at);
  place(whole, fileTarget(path, copying), into ? 'file' : 'unknown', copying);
}

function copyHeredoc(heredoc: Heredoc, copying: Copying): void {
  const { conversion, stage, instruction } = copying;
  const content = heredoc.expands
    ? expandHeredoc(heredoc.content, conversion.scope(stage, instruction.at))
    : literal(heredoc.content);
  conversion.noteFixed(stage, content, instruction.at);
  const target = fileTarget(literal(heredoc.name), copying);
  const path = conversion.addFile(posix.basename(plain(target)), plain(content), 0o644);
  place(literal(path), target, 'file', {
    ...copying,
    mode: copying.mode ?? 0o644,
  });
}

function addUrl(url: Text, copying: Copying): void {
  const name = baseName(literal(plain(url).replace(/[?#].*$/, '')));
  place(url, fileTarget(name, copying), 'file', { ...copying, mode: copying.mode ?? 0o600 });
}

function noteGit({ conversion, stage, instruction }: Copying): void {
  conversion.note(
    stage,
    'ADD of a git repository has no place in a stacker file, it is left out',
    instruction.at,
  );
}

/** An archive is unpacked by making it the base of a layer of its own. */
function unpack(path: string, copying: Copying): void {
  const { conversion, stage, dest, instruction } = copying;
  const archive = conversion.hostPath(literal(path));
  conversion.note(stage, `${path} is looked for in the current directory of the build`, instruction.at);
  if (plain(dest) === '/' && stage.startFrom(archive)) return;
  const helper = conversion.helper(stage, posix.basename(path), {
    comments: [`The content of ${path}`],
    from: { type: 'tar', url: archive },
  });
  conversion.note(stage, `what is in ${path} becomes root's`, instruction.at);
  place(concat(['stacker://'], helper, ['/']), dest, 'directory', copying);
}
