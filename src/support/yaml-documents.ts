import { Composer, type CST, Lexer, type ParsedNode, Parser, YAMLParseError } from 'yaml';

interface Composed {
  readonly contents: ParsedNode | null;
  /** The first thing that is wrong with the text. */
  readonly problem: YAMLParseError | undefined;
}

/** The one document of a YAML 1.1 text, with all scalars as text. */
export function composeYaml(text: string): Composed {
  const composer = new Composer({
    version: '1.1',
    // Every scalar stays text here; the dialect types it, so that no rule of the library's comes between.
    schema: 'failsafe',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [document, next] = composer.compose(tokensOf(text), true, text.length);
  const several =
    next && new YAMLParseError([next.range[0], next.range[1]], 'MULTIPLE_DOCS', 'more than one document');
  return { contents: document?.contents ?? null, problem: document?.errors[0] ?? several };
}

function* tokensOf(text: string): Generator<CST.Token> {
  const parser = new Parser();
  for (const lexeme of lenientLexer().lex(text)) yield* parser.next(lexeme);
  yield* parser.end();
}

/** What the library's lexer knows while it reads a scalar that starts at `pos`. */
interface LexerState {
  readonly buffer: string;
  readonly pos: number;
}

/**
 * A lexer that takes the lines of text in quotes whether they are indented or not, as libyaml, PyYAML and the parser of
 * Go do: real descriptors have long values like that. The grammar of YAML wants them indented, and so does the library,
 * which has no option for it.
 */
function lenientLexer(): Lexer {
  const lexer = new Lexer();
  // Where the scalar goes on in the line at an offset, or -1 where it does not.
  const continueScalar: (this: object, offset: number) => number = Reflect.get(lexer, 'continueScalar');
  return Object.assign(lexer, {
    continueScalar(this: LexerState, offset: number): number {
      const { buffer, pos } = this;
      const inQuotes = buffer[pos] === '"' || buffer[pos] === "'";
      return continueScalar.call(inQuotes ? { buffer, indentNext: 0 } : this, offset);
    },
  });
}
