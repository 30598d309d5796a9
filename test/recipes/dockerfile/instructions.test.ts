import { DockerfileParser } from 'dockerfile-ast';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInstructions } from '../../../src/recipes/dockerfile/instructions.ts';
import { sourceText } from '../../../src/support/source-text.ts';

const read = (text: string) => readInstructions(sourceText('/Dockerfile', text));

/** Each instruction in one line, its heredocs in brackets. */
function outline(text: string): string[] {
  return read(text).instructions.map(({ keyword, flags, text, heredocs }) =>
    [
      keyword,
      ...flags.map(({ name, value }) => `<${name}: ${value}>`),
      text,
      ...heredocs.map(({ name, content }) => `[${name}: ${JSON.stringify(content)}]`),
    ].join(' '),
  );
}

describe('instructions', () => {
  it.each([
    ['small letters', 'from a\nrun b', ['FROM a', 'RUN b']],
    ['a byte order mark', '\ufeffFROM a', ['FROM a']],
    ['line ends of Windows', 'FROM a\r\nRUN b \\\r\n c\r\n', ['FROM a', 'RUN b  c']],
    ['continued lines', 'RUN a \\\n  b\\\nc', ['RUN a   bc']],
    ['white space after the backslash', 'RUN a \\ \t\n  b\nRUN c', ['RUN a   b', 'RUN c']],
    [
      'comments and empty lines between the lines',
      'RUN a \\\n # c \\\n#\n\n  b\nRUN c',
      ['RUN a   b', 'RUN c'],
    ],
    ['an escaped backslash at the end', 'RUN a \\\\\nRUN b', ['RUN a \\\\', 'RUN b']],
    ['a backslash at the end of the file', 'RUN a \\', ['RUN a']],
    ['another escape character', '# escape=`\nRUN a `\n b\\\nRUN c', ['RUN a  b\\', 'RUN c']],
    ['two directives', '# syntax=docker/dockerfile:1\n#escape = `\nRUN a `\n b', ['RUN a  b']],
    [
      'a directive after a comment, which is none',
      '# hello\n# escape=`\nRUN a `\nRUN b',
      ['RUN a `', 'RUN b'],
    ],
    ['flags', 'COPY --from=x --chown="a b" --link a b', ['COPY <from: x> <chown: "a b"> <link: true> a b']],
    ['what looks like a flag later', 'RUN x --from=y', ['RUN x --from=y']],
    ['a heredoc', 'RUN <<EOF\na\n# b \\\n\nEOF\nRUN c', ['RUN <<EOF [EOF: "a\\n# b \\\\\\n\\n"]', 'RUN c']],
    [
      'two heredocs, of one the tabs go',
      'COPY <<-A <<"B" /x/\n\ta\n\tA\n\tb\nB\nRUN c',
      ['COPY <<-A <<"B" /x/ [A: "a\\n"] [B: "\\tb\\n"]', 'RUN c'],
    ],
    ['a heredoc with a descriptor', 'RUN cat 3<<EOF\na\nEOF', ['RUN cat 3<<EOF [EOF: "a\\n"]']],
    ['what looks like a heredoc in quotes', 'RUN echo "a <<EOF"\nRUN b', ['RUN echo "a <<EOF"', 'RUN b']],
    [
      'a shift and a here-string',
      'RUN echo $((1<<2))\nRUN cat <<< a',
      ['RUN echo $((1<<2))', 'RUN cat <<< a'],
    ],
    ['a heredoc where none can be', 'ENV A=<<EOF\nRUN b', ['ENV A=<<EOF', 'RUN b']],
  ])('are read with %s', (_, text, expected) => {
    expect(outline(text)).toEqual(expected);
  });

  it('know their places', () => {
    const [, second] = read('# a comment\nFROM a\n  RUN --mount=x b').instructions;
    expect(second?.at).toEqual({ file: '/Dockerfile', line: 3, column: 3, length: 3 });
    expect(second?.flags[0]?.at).toEqual({ file: '/Dockerfile', line: 3, column: 7, length: 9 });
  });

  it('complain about a heredoc without end', () => {
    expect(() => read('FROM a\nRUN <<EOF\nx\n')).toThrow('unterminated heredoc EOF');
  });

  it('are those that another parser finds', () => {
    const word = fc.stringMatching(/^[a-z0-9"'$={}&|;/.-]{1,8}$/);
    const joint = fc.constantFrom(' ', '  ', ' \\\n', ' \\\n  ', '\\\n# comment\n ', ' \\\n\n ');
    const end = fc.constantFrom('\n', '\n\n', '\n# comment\n', ' \n');
    const keyword = fc.constantFrom('RUN', 'ENV', 'copy', 'Label', 'CMD');
    const instruction = fc
      .tuple(keyword, fc.array(fc.tuple(joint, word), { minLength: 1, maxLength: 5 }), end)
      .map(([name, words, after]) => `${name} x${words.flat().join('')}${after}`);
    fc.assert(
      fc.property(fc.array(instruction, { maxLength: 6 }), lines => {
        const text = `FROM a\n${lines.join('')}`;
        const theirs = DockerfileParser.parse(text).getInstructions();
        expect(read(text).instructions.map(({ keyword, at }) => [keyword, at.line])).toEqual(
          theirs.map(found => [found.getKeyword(), found.getRange().start.line + 1]),
        );
      }),
    );
  });
});
