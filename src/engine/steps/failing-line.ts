/** Finds the line of a script that failed, from what a shell with `-x` says before it runs a command. */

/** Bytes of output that are looked through: what a command says after its trace is usually less. */
const KEPT = 64 * 1024;

/** The end of what a script says. */
export class OutputTail {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    for (let first = this.#chunks[0]; first && this.#size - first.length >= KEPT; first = this.#chunks[0]) {
      this.#chunks.shift();
      this.#size -= first.length;
    }
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

export interface FailingLine {
  /** The last command, as the shell told it; variables have their values. */
  readonly command: string;
  /** The first line of it in the script, without white space around it, if it can be told from all others. */
  readonly line: string | undefined;
}

/** Ends the trace: what runs afterwards is not told. */
const SILENCED = /^set \+\w*x/;

/** The command that a traced script ran last; undefined when its output does not tell. */
export function findFailingLine(script: string, output: string): FailingLine | undefined {
  const commands = commandsOf(script);
  let foreign: string | undefined;
  for (const text of output.trimEnd().split('\n').toReversed()) {
    // A trace follows the output before it, even in the middle of a line.
    const [, before = '', command] = /^(.*?)\++ (.+)$/.exec(text) ?? [];
    if (command === undefined) continue;
    if (SILENCED.test(command)) return undefined;
    const lines = linesOf(command, commands);
    if (lines.length === 0) {
      if (before === '') foreign ??= command;
      continue;
    }
    // What is not of this script and came later may be output (of diff, say), or the trace of a script that it calls.
    return foreign === undefined ? { command, line: lines.length === 1 ? lines[0] : undefined } : undefined;
  }
  return foreign === undefined ? undefined : { command: foreign, line: undefined };
}

interface Command {
  /** The first line that it is in, trimmed. */
  readonly line: string;
  /** Words as a trace shows them; `undefined` where anything may stand. */
  readonly pattern: RegExp;
  /** Whether nothing in it was left open. */
  readonly exact: boolean;
}

/** The different lines of the script that a trace may stand for: those that are exactly it, else those that may be. */
function linesOf(trace: string, commands: readonly Command[]): readonly string[] {
  const plain = simplified(trace);
  const matching = commands.filter(({ pattern }) => pattern.test(plain));
  const exact = matching.filter(command => command.exact);
  return (exact.length > 0 ? exact : matching).map(({ line }) => line);
}

/** What separates commands; quoted text is not looked at, which at worst finds no line. */
const SEPARATOR = /;|&&|\|\|?|(?<![<>&\d])&(?![>&\d])|\bthen\b|\bdo\b|\belse\b/;
/** What may stand before a command. */
const INTRODUCTION = /^(?:\s|\(|\{\s|!\s|if\s|elif\s|while\s|until\s)+/;
const REDIRECTION = /\s*\d*(?:>>|>&|<&|>\||>|<<-?|<)\s*(?:"[^"]*"|'[^']*'|\S+)/g;
/** What a shell replaces by something else. */
const EXPANSION = /\$\{[^}]*\}|\$\([^)]*\)|\$\w+|\$[@*#?$!-]|`[^`]*`|[*?[\]~]/;
/** Characters that must be known of a command for a trace to be taken for it. */
const LEAST_KNOWN = 3;

function commandsOf(script: string): readonly Command[] {
  const joined = script.replace(/\\\n/g, '\u0000').split('\n');
  return joined.flatMap(whole => {
    const line = (whole.split('\u0000')[0] ?? '').trim();
    const code = whole.replaceAll('\u0000', ' ').replace(/(^|\s)#.*$/, '');
    return code.split(SEPARATOR).flatMap(text => commandOf(text, line));
  });
}

function commandOf(text: string, line: string): readonly Command[] {
  const code = text
    .replace(INTRODUCTION, '')
    .replace(REDIRECTION, '')
    .replace(/[)}]\s*$/, '');
  const pieces = code.split(new RegExp(EXPANSION, 'g')).map(simplified);
  const known = pieces.join('').replaceAll(' ', '').length;
  if (known < LEAST_KNOWN) return [];
  const pattern = pieces.map(piece => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return [{ line, pattern: new RegExp(`^${pattern}$`), exact: pieces.length === 1 }];
}

/** Without quotes and with single blanks: shells differ in what they quote in a trace. */
function simplified(text: string): string {
  return text
    .replace(/["'\\]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
