import type { Instruction } from './instructions.ts';
import { concat, isLiteral, literal, plain, type Text } from './text.ts';
import { readJsonForm } from './words.ts';

/**
 * Writes lines of a `run` script that do what Docker does for RUN: a shell of its own for each, in its directory and
 * as its user.
 */
export class ShellWriter {
  readonly #placeholders: RegExp;

  /** `placeholders` matches what the substitution of stacker files would take for its own. */
  constructor(placeholders: RegExp) {
    this.#placeholders = placeholders;
  }

  /** The text as one word. A value that comes later must not hold a `'`. */
  quote(text: Text): Text {
    if (isLiteral(text) && /^[\w@%+:,./-]+$/.test(plain(text))) return text;
    const inner = text.map(piece =>
      typeof piece === 'string'
        ? // Two quotes after the dollar mean nothing to the shell, and hide the name from the substitution.
          piece.replaceAll("'", "'\\''").replace(this.#placeholders, "$$''")
        : piece,
    );
    return concat(["'"], inner, ["'"]);
  }

  commandLine(words: readonly Text[]): Text {
    return concat(...words.flatMap((word, i) => (i === 0 ? [this.quote(word)] : [[' '], this.quote(word)])));
  }

  /** The line that runs a program as the user. */
  runAs(user: Text | undefined, words: readonly string[]): Text {
    const command = words.map(literal);
    const [program = [], ...rest] = command;
    if (user === undefined || isRootUser(user)) {
      const line = this.commandLine(command);
      // exec takes the program of a name that the shell has a command for, too.
      return plain(program).startsWith('/') ? line : concat(['(exec '], line, [')']);
    }
    if (!isUserName(user)) {
      const line = this.commandLine(command);
      return concat(['chroot --userspec='], this.#owner(user), [' --skip-chdir / '], line);
    }
    // What follows -- is for the shell that su starts.
    if (/^\/.*sh$/.test(plain(program))) {
      const options = concat(['su -p -s '], this.quote(program), [' -- '], this.quote(user));
      return concat(options, [' '], this.commandLine(rest));
    }
    const inner = concat(['exec '], this.commandLine(command));
    return concat(['su -p -s /bin/sh -- '], this.quote(user), [' -c '], this.quote(inner));
  }

  /** The line that sets HOME as Docker does: as passwd says, else `/`. */
  setHome(user: Text | undefined): string {
    const name = (user === undefined ? '' : plain(user)).replace(/:.*/, '') || 'root';
    if (/^[a-z_][\w-]*$/i.test(name)) return `export HOME=~${name}`;
    const fields = `[^:]*:[^:]*:${name}:[^:]*:[^:]*`;
    return `export HOME="$(sed -n 's/^${fields}:\\([^:]*\\):.*/\\1/p' /etc/passwd)"; export HOME="\${HOME:-/}"`;
  }

  setVariable(name: string, value: Text): Text {
    return concat([`export ${name}=`], this.quote(value));
  }

  changeDirectory(path: Text): Text {
    return concat(['cd '], this.quote(path));
  }

  /** Lines that make a directory and those on the way, where they are missing, as the user's. */
  makeDirectory(path: Text, user: Text | undefined): Text[] {
    if (user === undefined || isRootUser(user)) return [concat(['mkdir -p '], this.quote(path))];
    return prefixes(path).map(way => {
      const word = this.quote(way);
      const make = concat(['mkdir -p '], word, [' && '], this.changeOwner(user, [way], false));
      return concat(['[ -d '], word, [' ] || { '], make, ['; }']);
    });
  }

  changeOwner(user: Text, paths: readonly Text[], recursive: boolean): Text {
    return concat([`chown ${recursive ? '-R ' : ''}`], this.#owner(user), [' '], this.commandLine(paths));
  }

  changeMode(mode: string, paths: readonly Text[]): Text {
    return concat(['chmod -R '], this.commandLine([literal(mode), ...paths]));
  }

  /** `user:group` as chown and chroot take it. A user without a group has that of passwd, else root's. */
  #owner(user: Text): Text {
    const word = this.quote(user);
    if (plain(user).includes(':')) return word;
    return isUserName(user)
      ? concat(word, [':'])
      : concat(word, [':"$(id -g '], word, [' 2>/dev/null || echo 0)"']);
  }
}

/** The path and those of the directories that it is in, the root left out. */
function prefixes(path: Text): Text[] {
  const found: Text[] = [];
  let before: Text = [];
  for (const piece of path) {
    if (typeof piece !== 'string') before = concat(before, [piece]);
    else {
      for (const { index } of piece.matchAll(/\//g))
        found.push(concat(before, literal(piece.slice(0, index))));
      before = concat(before, [piece]);
    }
  }
  return [...found, path].filter(way => way.length > 0);
}

/** What a RUN does: a program and its arguments. */
export function commandOf(run: Instruction, shell: readonly string[], escapeChar: string): readonly string[] {
  return readJsonForm(run.text) ?? [...shell, shellText(run, escapeChar)];
}

/**
 * The text that the shell gets. Lines stay lines where the shell joins them like Docker did; heredocs are handed on,
 * but for one that is all there is: it is the script.
 */
function shellText({ text, breaks, heredocs }: Instruction, escapeChar: string): string {
  const [script] = heredocs;
  if (script?.word === text) return script.content.trimEnd();
  if (heredocs.length > 0) return [text, ...heredocs.map(({ lines }) => lines)].join('\n');
  if (!mayBreak(text, escapeChar)) return text;
  const starts = [0, ...breaks];
  return starts.map((start, i) => text.slice(start, starts[i + 1])).join('\\\n');
}

/** Whether a backslash at the end of a line joins lines wherever one could be: not in single quotes and comments. */
function mayBreak(text: string, escapeChar: string): boolean {
  return escapeChar === '\\' && !/(^|[\s;&|()`])#|<<|'/.test(text);
}

export const isRootUser = (user: Text): boolean => /^(root|0)?(:(root|0)?)?$/.test(plain(user));

const isUserName = (user: Text): boolean => /^[^\d:][^:]*$/.test(plain(user));
