import fc from 'fast-check';
import { diff3Merge } from 'node-diff3';
import { describe, expect, it } from 'vitest';
import { mergeText } from '../../src/stacking/text-merge.ts';

const merge = async (...texts: [string, string, string]) => {
  const [o, a, b] = texts.map(text => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  const result = await mergeText(o, a, b);
  return result.kind === 'merged' ? Buffer.from(result.content).toString() : result;
};

describe('merging text', () => {
  it('keeps edits of both sides, also where lines are repeated', async () => {
    expect(await merge('a\n\nb\n\nc\n', 'a\n\nx\n\nc\n', 'a\n\nb\n\nc\n\ny\n')).toBe('a\n\nx\n\nc\n\ny\n');
  });

  it('keeps what both sides did alike', async () => {
    expect(await merge('a\nb\nc\n', 'a\nc\nd\n', 'a\nc\nd\n')).toBe('a\nc\nd\n');
    expect(await merge('', 'a\n', 'a\n')).toBe('a\n');
  });

  it('knows of a last line whether it has an end', async () => {
    expect(await merge('a\nb\nc', 'a\nb\nc\n', 'x\nb\nc')).toBe('x\nb\nc\n');
  });

  it('tells where lines collide, as numbers of the whole text', async () => {
    const lines = (change: string) => `${'1\n2\n3\n'}${change}\n5\n6\n`;
    expect(await merge(lines('4'), lines('x'), `0\n${lines('y')}`)).toEqual({
      kind: 'colliding',
      hunks: ['@@ -4,1 +5,1 @@\n-4\n+y'],
    });
  });

  it('is quick with long texts', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => (i % 7 === 0 ? '\n' : `line ${i}\n`));
    const edit = (...at: number[]) =>
      lines.map((line, i) => (at.includes(i) ? `edited ${i}\n` : line)).join('');
    expect(await merge(edit(), edit(1, 29_998), edit(15_000))).toBe(edit(1, 15_000, 29_998));
  });

  it('is what it would be without cutting the texts', async () => {
    const edits = fc.array(fc.constantFrom('keep', 'keep', 'keep', 'remove', 'replace', 'insert'), {
      minLength: 10,
      maxLength: 10,
    });
    const edited = (side: string, choices: readonly string[]) =>
      choices.flatMap((choice, i) => {
        if (choice === 'remove') return [];
        if (choice === 'replace') return [`${side}${i}\n`];
        return choice === 'insert' ? [`${side}${i}\n`, `${i}\n`] : [`${i}\n`];
      });
    await fc.assert(
      fc.asyncProperty(edits, edits, async (left, right) => {
        const o = left.map((_, i) => `${i}\n`);
        const [a, b] = [edited('a', left), edited('b', right)];
        const whole = diff3Merge(a, o, b, { excludeFalseConflicts: true });
        const hunks = whole.filter(({ conflict }) => conflict).length;
        const result = await merge(o.join(''), a.join(''), b.join(''));
        if (typeof result === 'string') {
          expect(hunks).toBe(0);
          expect(result).toBe(whole.flatMap(({ ok = [] }) => ok).join(''));
        } else expect(result.kind === 'colliding' && result.hunks.length).toBe(hunks);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives each side its own edit where the other side has none', async () => {
    const text = fc
      .array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n'), { maxLength: 12 })
      .map(lines => lines.join(''));
    await fc.assert(
      fc.asyncProperty(text, text, async (o, a) => {
        expect(await merge(o, a, o)).toBe(a);
        expect(await merge(o, o, a)).toBe(a);
        expect(await merge(o, a, a)).toBe(a);
      }),
      { numRuns: 1000 },
    );
  });
});
