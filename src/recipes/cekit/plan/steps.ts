/** Statements of a Dockerfile as steps of a Plan. */
import { posix, resolve } from 'node:path';
import type { Platform } from '../../../oci/index.ts';
import type {
  ConfigChange,
  ConfigStep,
  CopyItem,
  CopyStep,
  ExecStep,
  Step,
  Text,
} from '../../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import { type Printing, statementLines } from '../dockerfile/lines.ts';
import {
  type FileArtifact,
  repositoriesDirectory,
  type Statement,
  scriptsDirectory,
} from '../dockerfile/statements.ts';
import type { Arg, ImageArtifact, Located, Port } from '../model.ts';
import type { CekitOptions } from '../options.ts';
import type { Values } from '../values.ts';
import { type Given, remoteSourceNames, targetArgument, undeclaredNames } from './arguments.ts';
import {
  artifactSource,
  type Checkouts,
  directorySource,
  isDirectoryArtifact,
  repositorySource,
} from './sources.ts';

/** What the statements of a stage mean depends on. */
export interface Meaning {
  /** The name of the image in the plan. */
  readonly image: string;
  readonly platform: Platform;
  readonly values: Values;
  readonly given: Given;
  readonly checkouts: Checkouts;
  readonly printing: Printing;
  readonly options: Pick<CekitOptions, 'cwd' | 'cacheUrl' | 'lock'>;
  /** What the image of a stage or reference is called in the plan. */
  readonly nameOf: (image: Located) => string;
}

/** The steps of a statement, which runs as `user`. Throws AshlarError for what cannot be had. */
export function stepsOf(statement: Statement, user: Text, meaning: Meaning): readonly Step[] {
  const { values } = meaning;
  const config = (change: Partial<ConfigChange>) => [configStep(statement, change, [], meaning)] as const;
  switch (statement.kind) {
    case 'user':
      return config({ user: values.word(statement.user) });
    case 'workdir': {
      const [step] = config({ workingDir: values.word(statement.path) });
      return [{ ...step, makeWorkingDir: true }];
    }
    case 'arg': {
      const value = argumentValue(statement.arg, meaning);
      if (value === undefined) return [];
      return [configStep(statement, {}, [[statement.arg.name.text, value]], meaning)];
    }
    case 'env':
      return config({
        environment: statement.pairs.map(({ name, value }) => [name.text, values.quoted(value)]),
      });
    case 'label': {
      const pairs = statement.pairs.map(({ name, value }) => [name.text, values.quoted(value)] as const);
      return config({ labels: Object.fromEntries(pairs) });
    }
    case 'expose':
      return config({ ports: statement.ports.map(portText) });
    case 'volume':
      return config({ volumes: [values.listed(statement.volume.path)] });
    case 'entrypoint':
      // What the base runs by default is nothing that another program could be given.
      return config({ entrypoint: orNull(values.command(statement.words)), cmd: null });
    case 'cmd':
      return config({ cmd: orNull(values.command(statement.words)) });
    case 'copy': {
      const dest = values.word({ text: statement.dest, at: statement.at });
      const items = statement.artifacts.map(artifact => fileItem(artifact, dest, meaning));
      return [copyStep(statement, items, meaning)];
    }
    case 'copy-from':
      return [copyStep(statement, [imageItem(statement.artifact, meaning)], meaning)];
    case 'copy-module': {
      const { name, directory = '', at } = statement.section;
      const source = directorySource(directory, at);
      const items = [item(source, posix.join(scriptsDirectory, name), 'attributes', at)];
      return [copyStep(statement, items, meaning)];
    }
    case 'copy-repositories': {
      const items = statement.files.map(file =>
        item(repositorySource(file), repositoriesDirectory + file.fileName, 'attributes', file.at),
      );
      return [copyStep(statement, items, meaning)];
    }
    case 'copy-extra': {
      const { directory, target, at } = statement;
      const messages = { missing: `extra_dir ${directory} does not exist` };
      const source = { ...directorySource(directory, at), messages };
      return [copyStep(statement, [item(source, values.word(target), 'attributes', at)], meaning)];
    }
    case 'copy-remote-source':
      return copyRemoteSource(statement, meaning);
    case 'shell': {
      const text = statement.lines.map(line => line.text).join(' ');
      return [execStep(statement, ['/bin/sh', '-c', text], user, meaning)];
    }
    case 'script':
      return [execStep(statement, statement.command, user, meaning)];
  }
}

/** Arguments that commands see although nothing declares them. */
export function predefinedArguments(
  at: SourceSpan,
  { given }: Pick<Meaning, 'given'>,
): readonly ConfigStep[] {
  const buildArguments = undeclaredNames.flatMap(name => {
    const value = given.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (buildArguments.length === 0) return [];
  const createdBy = `ARG ${buildArguments.map(([name]) => name).join(' ')}`;
  return [{ kind: 'config', change: unchanged, buildArguments, createdBy, at }];
}

/** A change that changes nothing. */
export const unchanged: ConfigChange = { environment: [], labels: {}, volumes: [] };

function configStep(
  statement: Statement,
  change: Partial<ConfigChange>,
  buildArguments: ConfigStep['buildArguments'],
  { printing }: Meaning,
): ConfigStep {
  const createdBy = textOf(statement, printing);
  return { kind: 'config', change: { ...unchanged, ...change }, buildArguments, createdBy, at: statement.at };
}

function copyStep(statement: Statement, items: readonly CopyItem[], { printing }: Meaning): CopyStep {
  return { kind: 'copy', items, createdBy: textOf(statement, printing), at: statement.at };
}

function execStep(
  statement: Statement,
  command: readonly string[],
  user: Text,
  { printing, image }: Meaning,
): ExecStep {
  const text = textOf(statement, printing);
  return {
    kind: 'exec',
    command,
    user,
    passThrough: undeclaredNames,
    createdBy: text,
    failure: `${text} failed in image "${image}"`,
    at: statement.at,
  };
}

/** The statement on one line, without the comments in it. */
export function textOf(statement: Statement, printing: Printing): string {
  return statementLines(statement, printing)
    .filter(line => !line.startsWith('# '))
    .map(line => line.replace(/ \\$/, '').trim())
    .join(' ');
}

function item(
  source: CopyItem['source'],
  target: Text,
  keep: CopyItem['keep'],
  at: SourceSpan,
  { mode, uid = 0, gid = 0 }: Pick<FileArtifact, 'mode' | 'uid' | 'gid'> = {},
): CopyItem {
  return { source, target, keep, ...(mode === undefined ? {} : { mode }), uid, gid, at };
}

/** A file becomes one of its target's name below `dest`; of a directory, the content goes there. */
function fileItem(artifact: FileArtifact, dest: Text, { checkouts, options }: Meaning): CopyItem {
  const source = artifactSource(artifact, checkouts, options);
  const target = isDirectoryArtifact(artifact) ? dest : append(dest, posix.basename(artifact.target));
  return item(source, target, 'attributes', artifact.at, artifact);
}

function imageItem(artifact: ImageArtifact, { values, nameOf }: Meaning): CopyItem {
  const { image, path, dest, target, at } = artifact;
  const word = values.word(path);
  if (typeof word !== 'string') {
    throw new AshlarError(`variables cannot be used in the path of an image artifact: ${path.text}`, {
      at: path.at,
      hint: 'write \\$ for a dollar sign that stands for itself',
    });
  }
  const hint = /[*?[]/.test(word) ? { hint: 'it is the name of one file: patterns mean nothing here' } : {};
  const source = {
    kind: 'image',
    image: nameOf(image),
    path: posix.resolve('/', word),
    follow: true,
    messages: { missing: `there is no ${word} in ${image.text}`, ...hint },
    at: path.at,
  } as const;
  return item(source, values.word({ text: dest + target, at }), 'attributes', at, artifact);
}

/** Where OSBS has put the sources is known only when it says so. */
function copyRemoteSource(statement: Statement, meaning: Meaning): readonly Step[] {
  const { given, options } = meaning;
  const [source, target] = remoteSourceNames.map(name => given.get(name));
  if (source === undefined || target === undefined) {
    throw new AshlarError(`a remote source needs the build arguments ${remoteSourceNames.join(' and ')}`, {
      at: statement.at,
      hint: 'only OSBS fetches remote sources; here the arguments say where they are, and where they go',
    });
  }
  const declared = remoteSourceNames.map(name => [name, given.get(name) ?? ''] as const);
  const directory = directorySource(resolve(options.cwd, source), statement.at);
  return [
    configStep(statement, {}, declared, meaning),
    copyStep(statement, [item(directory, target, 'attributes', statement.at)], meaning),
  ];
}

/** What an argument stands for; nothing when it has no default and was not given. */
function argumentValue({ name, value }: Arg, { given, platform, values }: Meaning): Text | undefined {
  const known = given.get(name.text) ?? targetArgument(name.text, platform);
  if (known !== undefined || value === undefined) return known;
  return values.quoted(value);
}

function portText({ value, protocol = 'tcp' }: Port): string {
  return `${value}/${protocol}`;
}

function append(text: Text, end: string): Text {
  if (typeof text === 'string') return text + end;
  const last = text.at(-1);
  return typeof last === 'string' ? [...text.slice(0, -1), last + end] : [...text, end];
}

function orNull(words: readonly string[]): readonly string[] | null {
  return words.length > 0 ? words : null;
}
