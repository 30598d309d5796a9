/** Feature files: what is to be tested, as scenarios with all their steps. */
import type { GherkinDocument, Pickle, PickleStep } from '@cucumber/messages';
import { AshlarError, AshlarErrors, type SourceSpan } from '../../../support/errors.ts';

export interface Scenario {
  readonly feature: string;
  /** With the values of its example, where it has one. */
  readonly name: string;
  /** Its own and those of what it stands in, without `@`. */
  readonly tags: readonly string[];
  /** Those of backgrounds first. */
  readonly steps: readonly Step[];
  readonly at: SourceSpan;
}

export interface Step {
  /** Without the keyword. */
  readonly text: string;
  /** The first row of a table names its columns; empty where there is none. */
  readonly rows: readonly Readonly<Record<string, string>>[];
  readonly at: SourceSpan;
}

/** @throws AshlarError with the place of what is wrong. */
export async function readFeature(file: string, text: string): Promise<readonly Scenario[]> {
  // Only tests need it.
  const { AstBuilder, compile, GherkinClassicTokenMatcher, Parser } = await import('@cucumber/gherkin');
  let ids = 0;
  const newId = () => String(ids++);
  const parser = new Parser(new AstBuilder(newId), new GherkinClassicTokenMatcher());
  let document: GherkinDocument;
  try {
    document = parser.parse(text);
  } catch (error) {
    throw asOurs(error, file);
  }
  const places = new Map([...placesIn(document, file)]);
  const placeOf = ({ astNodeIds }: Pickle | PickleStep) =>
    places.get(astNodeIds[0] ?? '') ?? { file, line: 1, column: 1 };
  return compile(document, file, newId).map(pickle => ({
    feature: document.feature?.name ?? '',
    name: pickle.name,
    tags: pickle.tags.map(({ name }) => name.slice(1)),
    steps: pickle.steps.map(step => ({ text: step.text, rows: rowsOf(step), at: placeOf(step) })),
    // Of an outline, the row of the example.
    at: pickle.location
      ? { file, line: pickle.location.line, column: pickle.location.column ?? 1 }
      : placeOf(pickle),
  }));
}

function rowsOf({ argument }: PickleStep): Step['rows'] {
  const [head, ...rows] = argument?.dataTable?.rows.map(({ cells }) => cells.map(({ value }) => value)) ?? [];
  return rows.map(cells => Object.fromEntries((head ?? []).map((name, i) => [name, cells[i] ?? ''])));
}

/** The places of all nodes of a document, by their ids. */
function* placesIn(node: unknown, file: string): Generator<readonly [id: string, at: SourceSpan]> {
  if (typeof node !== 'object' || node === null) return;
  if ('id' in node && 'location' in node) {
    const { line, column = 1 } = node.location as { readonly line: number; readonly column?: number };
    yield [String(node.id), { file, line, column }];
  }
  for (const value of Object.values(node)) yield* placesIn(value, file);
}

/** The parser's messages begin with their place. */
function asOurs(error: unknown, file: string): AshlarError {
  if (!(error instanceof Error)) throw error;
  const all = 'errors' in error && Array.isArray(error.errors) ? error.errors : [error];
  const ours = all
    .filter(each => each instanceof Error)
    .map(({ message }) => {
      const [, line, column, text = message] = /^\((\d+):(\d+)\): (.*)$/s.exec(message) ?? [];
      // At the end of a file it counts from 0.
      const at = { file, line: Number(line ?? 1), column: Math.max(1, Number(column ?? 1)) };
      return new AshlarError(`not a feature file: ${text}`, { at });
    });
  const [only] = ours;
  return ours.length === 1 && only ? only : new AshlarErrors(`${file} is not a feature file`, ours);
}
