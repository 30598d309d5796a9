import type { Port } from '../model.ts';
import type { BuildContext } from './context.ts';
import { type FileArtifact, repositoriesDirectory, type Statement, scriptsDirectory } from './statements.ts';
import { commandList, copyWords, jsonList, sourceWord, volumeList, type Words } from './words.ts';

export interface Printing {
  readonly context: BuildContext;
  readonly words: Words;
}

/**
 * The lines of one statement; those after the first are indented relative to it. Line breaks in values are still in
 * them, as no Dockerfile could have them.
 */
export function statementLines(statement: Statement, { context, words }: Printing): readonly string[] {
  switch (statement.kind) {
    case 'user':
      return [`USER ${words.plain(statement.user.text)}`];
    case 'workdir':
      return [`WORKDIR ${words.plain(statement.path.text)}`];
    case 'arg': {
      const { name, value } = statement.arg;
      return [`ARG ${name.text}${value === undefined ? '' : `=${words.quoted(value.text)}`}`];
    }
    case 'env':
    case 'label': {
      const pairs = statement.pairs.map(({ name, value }) => `${name.text}=${words.quoted(value.text)}`);
      return onePerLine(statement.kind.toUpperCase(), pairs);
    }
    case 'expose':
      return [['EXPOSE', ...statement.ports.map(portWord)].join(' ')];
    case 'volume':
      return [`VOLUME ${volumeList(statement.volume.path, words)}`];
    case 'entrypoint':
    case 'cmd':
      return [`${statement.kind.toUpperCase()} ${commandList(statement.words, words)}`];
    case 'copy': {
      const sources = statement.artifacts.map(artifact => sourceWord(contextPath(artifact, context)));
      return onePerLine(copyKeyword(statement), copyWords(sources, words.plain(statement.dest)));
    }
    case 'copy-from': {
      const { artifact } = statement;
      const { image, path, dest, target } = artifact;
      const keyword = `${copyKeyword(artifact)} --from=${image.text}`;
      return [[keyword, ...copyWords([words.plain(path.text)], words.plain(dest + target))].join(' ')];
    }
    case 'copy-module': {
      const { name, directory = '' } = statement.section;
      const path = context.modules.get(directory) ?? `modules/${name}`;
      return [copy(sourceWord(path), `${scriptsDirectory}/${name}`)];
    }
    case 'copy-repositories': {
      const files = statement.files.map(({ fileName }) => sourceWord(`repos/${fileName}`));
      return onePerLine('COPY', copyWords(files, repositoriesDirectory));
    }
    case 'copy-extra':
      return [copy(sourceWord(context.extraDirectory), words.plain(statement.target.text))];
    case 'copy-remote-source':
      return [copy('$REMOTE_SOURCE', '$REMOTE_SOURCE_DIR')];
    case 'shell': {
      const [first, ...rest] = statement.lines;
      return continued([
        { text: `RUN ${first?.text ?? ''}` },
        ...rest.map(({ text, about, nested }) => ({ text: nested ? `    ${text}` : text, about })),
      ]);
    }
    case 'script':
      return [`RUN ${jsonList(statement.command).replace(/^\[(.*)\]$/, '[ $1 ]')}`];
  }
}

/** `8080`, `53/udp`. */
export function portWord({ value, protocol = 'tcp' }: Port): string {
  return protocol === 'tcp' ? String(value) : `${value}/${protocol}`;
}

const copy = (source: string, dest: string): string => ['COPY', ...copyWords([source], dest)].join(' ');

function copyKeyword({ mode, uid, gid }: Pick<FileArtifact, 'mode' | 'uid' | 'gid'>): string {
  const words = ['COPY'];
  if (uid !== undefined || gid !== undefined) words.push(`--chown=${uid ?? 0}:${gid ?? 0}`);
  if (mode !== undefined) words.push(`--chmod=${mode.toString(8).padStart(4, '0')}`);
  return words.join(' ');
}

function contextPath(artifact: FileArtifact, { artifacts }: BuildContext): string {
  return artifacts.get(artifact)?.path ?? artifact.target;
}

const onePerLine = (keyword: string, items: readonly string[]): readonly string[] =>
  continued([{ text: keyword }, ...items.map(text => ({ text: `    ${text}` }))]);

interface Line {
  readonly text: string;
  readonly about?: string | undefined;
}

/** All but the last end with a backslash; comments may stand between them. */
function continued(lines: readonly Line[]): readonly string[] {
  return lines.flatMap(({ text, about }, i) => [
    ...(about === undefined ? [] : [`# ${about}`]),
    i < lines.length - 1 ? `${text} \\` : text,
  ]);
}
