/** A description as the text of a Dockerfile, laid out as CEKit does so that users can compare. */
import type { Description } from '../model.ts';
import type { CekitOptions } from '../options.ts';
import { buildContext, type ContextOptions } from './context.ts';
import { type Printing, statementLines } from './lines.ts';
import {
  type SectionStatements,
  type StageStatements,
  type Statement,
  type StatementOptions,
  statementsOf,
} from './statements.ts';
import { dockerfileWords, literalWords } from './words.ts';

export type RenderOptions = StatementOptions & ContextOptions & Pick<CekitOptions, 'literalValues'>;

/**
 * The Dockerfile that says what the Plan of this description does, with a line end after its last line.
 * Line breaks in values, which it cannot express, become spaces under a comment that says so.
 * Throws an `AshlarError` where a name cannot stand in an image.
 */
export function renderDockerfile(description: Description, options: RenderOptions): string {
  const printing: Printing = {
    context: buildContext(description, options),
    words: options.literalValues ? literalWords : dockerfileWords,
  };
  const { name, version } = description.target;
  const lines = [
    `# This is a Dockerfile for the ${oneLine(`${name.text}:${version.text}`)} image.`,
    ...statementsOf(description, options).flatMap(stage => stageLines(stage, printing)),
  ];
  return lines.map(line => `${line}\n`).join('');
}

function stageLines(
  { stage, builder, start, sections, end }: StageStatements,
  printing: Printing,
): readonly string[] {
  const kind = builder ? 'builder' : 'target';
  const from = `FROM ${stage.from.text}${builder ? ` AS ${stage.name.text}` : ''}`;
  const print = (statement: Statement) => statementText(statement, stageIndent, printing);
  return [
    '',
    `## START ${kind} image ${oneLine(`${stage.name.text}:${stage.version.text}`)}`,
    '## \\',
    `${stageIndent}${oneLine(from)}`,
    ...start.flatMap(print),
    ...sections.flatMap(section => sectionLines(section, printing)),
    ...(end.length > 0 ? [''] : []),
    ...end.flatMap(print),
    '## /',
    `## END ${kind} image`,
  ];
}

function sectionLines(
  { section, module, statements }: SectionStatements,
  printing: Printing,
): readonly string[] {
  const title = `${module ? 'module' : 'image'} '${oneLine(`${section.name}:${section.version}`)}'`;
  return [
    '',
    `###### START ${title}`,
    '###### \\',
    ...statements.flatMap(statement => statementText(statement, sectionIndent, printing)),
    '###### /',
    `###### END ${title}`,
  ];
}

const stageIndent = ' '.repeat(4);
const sectionIndent = ' '.repeat(8);

function statementText(statement: Statement, indent: string, printing: Printing): readonly string[] {
  const lines = statementLines(statement, printing);
  const printed = lines.map(oneLine);
  const comments = [
    ...(statement.about === undefined ? [] : [oneLine(statement.about)]),
    ...(printed.some((line, i) => line !== lines[i]) ? [brokenLines] : []),
  ];
  // Arguments of an image stand apart from the stage that they belong to.
  const more = statement.kind === 'arg' ? sectionIndent : indent;
  return [...comments.map(text => `# ${text}`), ...printed].map(line => `${more}${line}`);
}

const brokenLines = 'A Dockerfile cannot express the line breaks in the following values: they became spaces';

const oneLine = (text: string): string => text.replaceAll(/\r\n?|\n/g, ' ');
