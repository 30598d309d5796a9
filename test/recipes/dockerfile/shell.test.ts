import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readInstructions } from '../../../src/recipes/dockerfile/instructions.ts';
import { commandOf, ShellWriter } from '../../../src/recipes/dockerfile/shell.ts';
import { plain } from '../../../src/recipes/dockerfile/text.ts';
import { sourceText } from '../../../src/support/source-text.ts';

const placeholders = /\$(?=\{\{|\{?(?:KEY)(?!\w))/g;
const shell = new ShellWriter(placeholders);

/** What a shell makes of words: each printed with a NUL. */
function wordsOf(line: string): string[] {
  const text = execFileSync('sh', ['-c', `set -- ${line}\nprintf '%s\\0' "$@"`], { encoding: 'utf8' });
  return text.split('\0').slice(0, -1);
}

const nasty = fc.string({
  unit: fc.constantFrom(
    "'",
    '"',
    '\\',
    '$',
    '`',
    '\n',
    '\t',
    ' ',
    '{',
    '}',
    '{{',
    'KEY',
    '#',
    ';',
    '&',
    '*',
    '~',
    '!',
    'é',
    'a',
  ),
  maxLength: 12,
});

it('quoted words survive the shell, and no placeholder is left in them', () => {
  fc.assert(
    fc.property(fc.array(nasty, { minLength: 1, maxLength: 20 }), words => {
      const line = plain(shell.commandLine(words.map(word => [word])));
      expect(line).not.toMatch(new RegExp(placeholders.source));
      expect(wordsOf(line)).toEqual(words);
    }),
    { numRuns: 50 },
  );
});

it('commands for other users survive a second shell', () => {
  fc.assert(
    fc.property(fc.array(nasty, { minLength: 1, maxLength: 5 }), words => {
      // In place of su, which would need root: a shell that drops what comes before -c.
      const line = plain(shell.runAs(['app'], ['printf', '%s\\0', ...words])).replace(/^su .* -- app/, 'sh');
      const text = execFileSync('sh', ['-c', line], { encoding: 'utf8' });
      expect(text.split('\0').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 30 },
  );
});

it('lines that Docker joins say the same to a shell, joined or not', () => {
  const piece = fc.constantFrom(
    'a',
    '"b',
    '"',
    "'",
    '#',
    ' ',
    ';',
    '$(echo c)',
    '\\$x',
    '`echo d`',
    '"e  f"',
    ' \\\n ',
    '\\\n',
  );
  const command = fc
    .array(piece, { minLength: 2, maxLength: 12 })
    .map(pieces => `printf '%s\\0' ${pieces.join('')}`);
  const run = (text: string) => {
    try {
      return execFileSync('sh', ['-c', text], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      return 'refused';
    }
  };
  fc.assert(
    fc.property(command, text => {
      const [instruction] = readInstructions(sourceText('/Dockerfile', `RUN ${text}`)).instructions;
      if (!instruction) throw new Error('no instruction');
      const [written = ''] = commandOf(instruction, [], '\\');
      expect(run(written)).toBe(run(instruction.text));
    }),
    { numRuns: 150 },
  );
});

it('lines stay lines where that is safe', () => {
  const written = (text: string) => {
    const [instruction] = readInstructions(sourceText('/Dockerfile', text)).instructions;
    return instruction && commandOf(instruction, ['sh', '-c'], '\\').at(-1);
  };
  expect(written('RUN a && \\\n  # why\n  b "c \\\n d"')).toBe('a && \\\n  b "c \\\n d"');
  expect(written("RUN a '\\\n b'")).toBe("a ' b'");
  expect(written('RUN <<EOF\na\nb\nEOF')).toBe('a\nb');
  expect(written('RUN cat <<-EOF > /x\n\ta\n\tEOF')).toBe('cat <<-EOF > /x\n\ta\n\tEOF');
});
