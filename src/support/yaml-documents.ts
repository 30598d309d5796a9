import { Composer, type CST, Lexer, type ParsedNode, Parser, YAMLParseError } from 'yaml';

interface Composed {
  readonly contents: ParsedNode | null;
  /** The first thing that is wrong with the text. */
  readonly problem: YAMLParseError | undefined;
}

/**
 * The one document of a YAML 1.1 text, with all scalars as text. Text in quotes and lists and maps in brackets may go
 * on in lines that are not indented: the grammar does not allow that, but libyaml, PyYAML and the parser of Go do, and
 * descriptors in use have long values like that.
 */
export function composeYaml(text: string): Composed {
  const strict = compose(text, new Lexer());
  if (strict.problem === undefined) return strict;
  const lenient = compose(text, lenientLexer());
  // Where a quote or bracket is missing the strict lexer knows best where.
  return lenient.problem === undefined ? lenient : strict;
}

function compose(text: string, lexer: Lexer): Composed {
  const composer = new Composer({
    version: '1.1',
    // Every scalar stays text here; the dialect types it, so that no rule of the library's comes between.
    schema: 'failsafe',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [document, next] = composer.compose(tokens(text, lexer), true, text.length);
  const several =
    next && new YAMLParseError([next.range[0], next.range[1]], 'MULTIPLE_DOCS', 'more than one document');
  return { contents: document?.contents ?? null, problem: document?.errors[0] ?? several };
}

function* tokens(text: string, lexer: Lexer): Generator<CST.Token> {
  const parser = new Parser();
  for (const lexeme of lexer.lex(text)) yield* parser.next(lexeme);
  yield* parser.end();
}

/** What the library's lexer knows. */
interface LexerState {
  readonly buffer: string;
  /** Where the scalar starts that is being read. */
  readonly pos: number;
  /** How far a line has to be indented to belong to what is being read. */
  indentNext: number;
}

/** The library's lexer without its check of indentation in quotes and brackets, for which it has no option. */
function lenientLexer(): Lexer {
  const lexer = new Lexer();
  const goOn: (this: object, offset: number) => number = Reflect.get(lexer, 'continueScalar');
  const readFlow: (this: object) => Generator<string, unknown> = Reflect.get(lexer, 'parseFlowCollection');
  return Object.assign(lexer, {
    /** Where the scalar goes on in the line at the offset, or -1 where it does not. */
    continueScalar(this: LexerState, offset: number): number {
      const { buffer, pos } = this;
      const inQuotes = buffer[pos] === '"' || buffer[pos] === "'";
      return goOn.call(inQuotes ? { buffer, indentNext: 0 } : this, offset);
    },
    *parseFlowCollection(this: LexerState): Generator<string, unknown> {
      const { indentNext } = this;
      this.indentNext = 0;
      const next = yield* readFlow.call(this);
      this.indentNext = indentNext;
      return next;
    },
  });
}
