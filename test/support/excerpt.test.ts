import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printableLines } from '../../src/support/cells.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { findLine, renderError, renderWarning, showSpan } from '../../src/support/excerpt.ts';

const plain = { color: false };

describe('an error on the terminal', () => {
  let directory = '';
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-excerpt-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('shows message, place, line, caret, hint and causes', () => {
    const file = write('a.yaml', 'l:\n  frm: x\n');
    const error = new AshlarError('unknown directive frm', {
      at: { file, line: 2, column: 3, length: 3 },
      hint: 'did you mean "from"?',
      cause: new Error('the reason', { cause: new Error('the reason behind') }),
    });
    expect(renderError(error, plain)).toBe(
      [
        'error: unknown directive frm',
        `  --> ${file}:2:3`,
        '  2 |   frm: x',
        '    |   ^^^',
        'hint: did you mean "from"?',
        'caused by: the reason',
        'caused by: the reason behind',
      ].join('\n'),
    );
  });

  it('says nothing twice', () => {
    const file = write('twice.yaml', 'x\n');
    const at = { file, line: 1, column: 1 };
    const cause = new AshlarError('no such file', { at, hint: 'make one' });
    const error = new AshlarError('cannot read: no such file', { at, cause: new Error('other', { cause }) });
    const place = [`  --> ${file}:1:1`, '  1 | x', '    | ^'];
    expect(renderError(error, plain).split('\n')).toEqual([
      'error: cannot read: no such file',
      ...place,
      'caused by: other',
    ]);
    const { hint } = cause;
    expect(renderError(new AshlarError('cannot read', { at, hint, cause }), plain).split('\n')).toEqual([
      'error: cannot read',
      ...place,
      'hint: make one',
      'caused by: no such file',
    ]);
    const again = new AshlarError('cannot fetch', { hint: 'make one', cause });
    expect(renderError(again, plain).match(/make one/g)).toHaveLength(1);
  });

  it('shows the place of a cause that is elsewhere, and all of several causes', () => {
    const file = write('cause.yaml', 'x\ny\n');
    const cause = new AggregateError([
      new AshlarError('first', { at: { file, line: 2, column: 1 }, hint: 'do' }),
      new Error('second'),
    ]);
    expect(renderError(new AshlarError('all failed', { cause }), plain).split('\n')).toEqual([
      'error: all failed',
      'caused by: first',
      `  --> ${file}:2:1`,
      '  2 | y',
      '    | ^',
      'hint: do',
      'caused by: second',
    ]);
  });

  it('ends where causes go round in a circle', () => {
    const inner = new Error('inner');
    const error = new AshlarError('outer', { cause: inner });
    inner.cause = error;
    expect(renderError(error, plain)).toBe('error: outer\ncaused by: inner');
  });

  it.each([
    ['a tab', '\tx: [', 5, 1, '  1 |     x: [', '    |        ^'],
    ['wide characters', 'k: 日本 x', 7, 1, '  1 | k: 日本 x', '    |         ^'],
    ['wide characters below the caret', '日本: x', 1, 2, '  1 | 日本: x', '    | ^^^^'],
    ['an emoji', '🎉: x', 5, 1, '  1 | 🎉: x', '    |     ^'],
    ['combining characters', 'e\u0301: x', 5, 1, '  1 | e\u0301: x', '    |    ^'],
    ['control characters', 'a\x1b[31m: x', 9, 1, '  1 | a\\x1b[31m: x', '    |            ^'],
    ['text that runs backwards', '\u202ea: x', 5, 1, '  1 | \\u202ea: x', '    |          ^'],
    ['the end of the line', 'ab', 3, 1, '  1 | ab', '    |   ^'],
    ['Windows line ends', 'ab\r', 1, 2, '  1 | ab', '    | ^^'],
    ['a length beyond the line', 'ab', 2, 9, '  1 | ab', '    |  ^'],
  ])('keeps the caret in place with %s', (_, line, column, length, shown, caret) => {
    const file = write('line.yaml', `${line}\nnext\n`);
    const rendered = renderError(new AshlarError('x', { at: { file, line: 1, column, length } }), plain);
    expect(rendered.split('\n').slice(2)).toEqual([shown, caret]);
  });

  it('cuts long lines around the place', () => {
    const file = write('long.yaml', `${'a'.repeat(500)}HERE${'b'.repeat(500)}\n`);
    const [, , line = '', caret = ''] = renderError(
      new AshlarError('x', { at: { file, line: 1, column: 501, length: 4 } }),
      plain,
    ).split('\n');
    expect(line.length).toBeLessThan(140);
    expect(line.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1)).toBe('HERE');
  });

  it.each(['/nowhere/a.yaml', '/dev/zero', '/'])('leaves the line out when %s cannot show it', file => {
    const error = new AshlarError('x', { at: { file, line: 1, column: 1 } });
    expect(renderError(error, plain)).toBe(`error: x\n  --> ${file}:1:1`);
  });

  it('leaves the line out when the file has become shorter', () => {
    const file = write('short.yaml', 'x');
    expect(
      renderError(new AshlarError('x', { at: { file, line: 9, column: 1 } }), plain).split('\n'),
    ).toHaveLength(2);
  });

  it('escapes what could steer the terminal, and no line of data passes for one of ours', () => {
    const error = new AshlarError('bad \x1b]0;title\x07 name\nerror: forged', {
      hint: 'x\r\u009b2J',
      cause: new Error('\u2028'),
    });
    expect(renderError(error, plain)).toBe(
      'error: bad \\x1b]0;title\\x07 name\n  error: forged\nhint: x\\x0d\\x9b2J\ncaused by: \\u2028',
    );
    expect(printableLines('a\tb\ud800')).toBe('a\\x09b\\ud800');
  });

  it('differs in colour only', () => {
    const file = write('colour.yaml', 'x: y\n');
    const error = new AshlarError('x', {
      at: { file, line: 1, column: 4 },
      hint: 'h',
      cause: new Error('c'),
    });
    const coloured = renderError(error, { color: true });
    expect(coloured).not.toBe(renderError(error, plain));
    expect(stripVTControlCharacters(coloured)).toBe(renderError(error, plain));
  });

  it('names a file below the current directory in short', () => {
    expect(showSpan({ file: join(process.cwd(), 'a/b.yaml'), line: 1, column: 2 })).toBe('a/b.yaml:1:2');
    expect(showSpan({ file: '/a.yaml', line: 1, column: 2 })).toBe('/a.yaml:1:2');
  });

  it('has a warning as sibling', () => {
    const file = write('warn.yaml', 'x: y\n');
    expect(renderWarning({ message: 'look', at: { file, line: 1, column: 4 }, hint: 'here' }, plain)).toBe(
      `warning: look\n  --> ${file}:1:4\n  1 | x: y\n    |    ^\nhint: here`,
    );
    expect(renderWarning({ message: 'look' }, plain)).toBe('warning: look');
  });
});

describe('findLine', () => {
  it('finds the place of a line in YAML, with what may stand before it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ashlar-find-'));
    const file = join(directory, 'stacker.yaml');
    const text = [
      'a:',
      '  run: make',
      'b:',
      '  run: |',
      '    make -j',
      '    make',
      'c:',
      '  run:',
      '    - "make all"',
    ];
    writeFileSync(file, text.join('\n'));
    const find = (line: number, what: string, within = 5) => {
      const span = findLine({ file, line, column: 3 }, what, within);
      return span && [span.line, span.column, span.length];
    };
    expect(find(2, 'make')).toEqual([2, 8, 4]);
    expect(find(4, 'make')).toEqual([6, 5, 4]);
    expect(find(4, 'make -j')).toEqual([5, 5, 7]);
    expect(find(8, 'make all')).toEqual([9, 8, 8]);
    expect(find(4, 'nothing of that kind')).toBeUndefined();
    expect(find(2, 'make all', 3)).toBeUndefined();
    expect(findLine({ file: join(directory, 'none'), line: 1, column: 1 }, 'make', 5)).toBeUndefined();
    // A text that is no file may be called as one is.
    expect(findLine({ file, line: 2, column: 3, lineText: 'run: it' }, 'make', 5)).toBeUndefined();
    rmSync(directory, { recursive: true });
  });
});
