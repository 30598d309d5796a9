import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Substitution, substitute } from '../../../src/recipes/stacker/substitute.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { sourceText, spanBetween } from '../../../src/support/source-text.ts';
import { failure, layer, load, testOptions } from './load.ts';

function pairs(...texts: readonly string[]): Substitution[] {
  return texts.map(text => ({ key: text.split('=')[0] ?? '', value: text.slice(text.indexOf('=') + 1) }));
}

function replaced(text: string, ...substitutions: readonly string[]): string {
  return substitute(sourceText('/f', text), pairs(...substitutions), testOptions()).text;
}

describe('substitution', () => {
  it.each([
    ["the seed's example", '$ONE ${{TWO}} ${{THREE:3}}', ['ONE=1', 'TWO=2'], '1 2 3'],
    ['all forms of a provided key', '${{A}} ${{A:d}} $A ${A} ${A:d}', ['A=v'], 'v v v v v'],
    ['defaults of keys that are not', '${{A:d}} $A ${A} ${A:d}', [], 'd $A ${A} ${A:d}'],
    ['an empty default', '[${{A:}}]', [], '[]'],
    ['a default up to the first brace, from the first colon on', '${{A:b:c}}', [], 'b:c'],
    ['a default that is a placeholder', '${{A:${{B:x}}}} ${{A:-${{C}}-}}', ['C=c'], 'x -c-'],
    ['placeholders in defaults of defaults', '<${{A:${{B:${{C:${{D:}}}}}}}}>', [], '<>'],
    ['an empty value', '[${{A}}][$A]', ['A='], '[][]'],
    ['a value with an equals sign', '${{A}}', ['A=b=c'], 'b=c'],
    ['whole names only', '$A $AB $A_ $A1 $A-', ['A=v'], 'v $AB $A_ $A1 v-'],
    ['shell forms without a colon after the name', '${A//x} ${A-x} ${#A}', ['A=v'], '${A//x} ${A-x} ${#A}'],
    ['shell forms with one', '${A:-x}', ['A=v'], 'v'],
    ['nothing trimmed', '${{ A :x}}', ['A=v'], 'x'],
    ['a value with a placeholder for a later key', '${{A}}', ['A=<${{B}}>', 'B=v'], '<v>'],
    ['a value with a single-brace placeholder for an earlier key', '${{B}}', ['A=v', 'B=$A'], '$A'],
    ['a value with its own placeholder, once', '$A', ['A=x$A'], 'x$A'],
    ['the first of two values for a key', '$A', ['A=1', 'A=2'], '1'],
    [
      'dollars and backslashes in values as they are',
      '$A ${{A}}',
      ['A=$1 $& $$ \\1'],
      '$1 $& $$ \\1 $1 $& $$ \\1',
    ],
    ['keys with special characters as they are', '${{a.b}} ${{axb:x}} ${{(:x}}', ['a.b=v', '(=w'], 'v x w'],
    ['comments', '# $A ${{A}}', ['A=v'], '# v v'],
    ['a value of several lines', 'a: ${{A}}', ['A=x\ny: z'], 'a: x\ny: z'],
    ['placeholders that a value completes', '${{A}}B}}', ['A=${{', 'B=v'], 'v'],
    ['commas', '${{A}}', ['A=1,B=2'], '1,B=2'],
    ['STACKER_LAYER_NAME left to the shell', '${STACKER_LAYER_NAME}', ['A=v'], '${STACKER_LAYER_NAME}'],
  ])('handles %s', (_, text, substitutions, expected) => {
    expect(replaced(text, ...substitutions)).toBe(expected);
  });

  it('puts the same value for every missing one, where it is asked to', () => {
    const options = testOptions({ missingValue: 'dummy' });
    const source = sourceText('/f', '${{A}} ${{B:x}} ${{C:}} $D ${{E}}');
    expect(substitute(source, pairs('E=v'), options).text).toBe('dummy x  $D v');
  });

  it('leaves text without placeholders alone', () => {
    const text = fc.string({ unit: 'binary' }).filter(text => !text.includes('$'));
    fc.assert(
      fc.property(text, fc.array(fc.tuple(fc.stringMatching(/^\w+$/), fc.string())), (text, values) => {
        const substitutions = values.map(([key, value]) => ({ key, value }));
        expect(substitute(sourceText('/f', text), substitutions, testOptions()).text).toBe(text);
      }),
    );
  });

  it('never fails with anything but its own error, and maps every place back into the file', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '${{A}}',
        '${{A:d}}',
        '$A',
        '${A}',
        '${A:d}',
        '${{B:x}}',
        '${{',
        '}}',
        '$',
        ':',
        '\n',
        'A',
      ),
      fc.string(),
    );
    const text = fc.array(part).map(parts => parts.join(''));
    fc.assert(
      fc.property(text, part, part, (text, a, b) => {
        const original = sourceText('/f', text);
        const lines = text.split('\n');
        try {
          const result = substitute(
            original,
            [
              { key: 'A', value: a },
              { key: 'B', value: b },
            ],
            testOptions(),
          );
          for (let i = 0; i <= result.text.length; i++) {
            const { line, column, length = 0 } = spanBetween(result, i, i + 1);
            expect(line).toBeLessThanOrEqual(lines.length);
            expect(column - 1 + length).toBeLessThanOrEqual(lines[line - 1]?.length ?? -1);
          }
        } catch (error) {
          if (!(error instanceof AshlarError)) throw error;
          expect(error.message).toMatch(/^no value for substitution /);
          expect(error.at?.line).toBeLessThanOrEqual(lines.length);
        }
      }),
    );
  });

  it('names the place of a key that has no value, in comments too', async () => {
    const { error } = await failure('l:\n  # see ${{A:x}} and ${{MISSING}}\n  from: {type: scratch}\n');
    expect(error.message).toBe('no value for substitution MISSING');
    expect(error.at).toMatchObject({ line: 2, column: 22, length: 12 });
  });

  it('names the place of a default that needs a value', async () => {
    const { error } = await failure('l:\n  from: {type: ${{A:${{MISSING}}}}}\n');
    expect(error.message).toBe('no value for substitution MISSING');
    expect(error.at).toMatchObject({ line: 2, column: 16, length: 19 });
  });

  it('keeps later places where they are in the file, on the same line and below', async () => {
    const text = 'l: # ${{A}}\n  from: {type: "${{A}}", url: x, frm: ${{B:1}}}\n';
    const { error } = await failure(text, { substitutions: ['A=docker\n\n#'] });
    expect(error.at).toMatchObject({ line: 2 });

    const inline = await failure(layer('from: {type: "${{A}}", frm: 1}'), {
      substitutions: ['A=much longer'],
    });
    expect(inline.error.message).toBe('stackerfile: unknown image source directive frm');
    expect(inline.error.at).toMatchObject({ line: 2, column: 26, length: 3 });
  });

  it('points at the placeholder when its value is wrong', async () => {
    const { error } = await failure(layer('from: {type: ${{TYPE}}}'), { substitutions: ['TYPE=dokcer'] });
    expect(error.message).toBe('unknown layer type: dokcer');
    expect(error.at).toMatchObject({ line: 2, column: 16, length: 9 });
  });
});

describe('the values of substitutions', () => {
  const labels = async (text: string, ...args: [Parameters<typeof load>[1]?]) =>
    (await load(layer(`labels: ${text}`), ...args)).plan.images[0]?.config.labels;

  it('include the directories', async () => {
    const text =
      '{a: $STACKER_ROOTFS_DIR, b: $STACKER_STACKER_DIR, c: $STACKER_OCI_DIR, d: "<$STACKER_WORK_DIR>"}';
    expect(await labels(text, { workDir: 'w' })).toEqual({
      a: '/work/roots',
      b: '/work/.stacker',
      c: '/work/oci',
      d: '<w>',
    });
    expect(await labels('{a: "${{STACKER_OCI_DIR}}"}', { substitutions: ['STACKER_OCI_DIR=mine'] })).toEqual({
      a: 'mine',
    });
  });

  it('come from files after the command line, as they are written there', async () => {
    const files = {
      'stacker.yaml': layer('labels: {a: "${{A}}", b: "${{B}}", c: "${{C}}", d: "${{D}}", e: "${{E}}"}'),
      'one.yaml': 'A: file\nB: 1.10\nC: "q"\nD:\n',
      'two.yaml': 'B: other\nE: yes\n',
    };
    const { plan, debug } = await load(files, {
      substitutions: ['A=arg'],
      substituteFiles: ['one.yaml', 'two.yaml'],
    });
    expect(plan.images[0]?.config.labels).toEqual({ a: 'arg', b: '1.10', c: 'q', d: '', e: 'yes' });
    expect(debug).toContain('ignoring substitution A=file, since A=arg already exists');
    expect(debug).toContain('ignoring substitution B=other, since B=1.10 already exists');
    expect(debug).toContain('substitution: "A=arg" was used 1 times');
    expect(debug).toContain('substitution: "STACKER_WORK_DIR=" was NOT used');
  });

  it.each(['A', '=v', ''])('refuse the argument %j', async argument => {
    const { error } = await failure(layer(''), { substitutions: [argument] });
    expect(error.message).toBe(`invalid substition ${argument}`);
  });

  it('refuse files that are not there or no maps of text', async () => {
    const missing = await failure(layer(''), { substituteFiles: ['none.yaml'] });
    expect(missing.error.message).toMatch(/^unable to read substitute-file:none\.yaml, err:ENOENT/);
    const files = (text: string) =>
      failure({ 'stacker.yaml': layer(''), 's.yaml': text }, { substituteFiles: ['s.yaml'] });
    expect((await files('[a]')).error.message).toBe(
      'unable to unmarshal substitute-file:s.yaml, err:expected a map, found list',
    );
    expect((await files('a: {b: c}')).error.message).toBe(
      'unable to unmarshal substitute-file:s.yaml, err:the value of a must be text, found map',
    );
    const broken = await files('a: 1\n\tb: 2\n');
    expect(broken.error.message).toMatch(/^unable to unmarshal substitute-file:s\.yaml, err:a tab is used/);
    expect(broken.error.at).toMatchObject({ file: `${broken.directory}/s.yaml`, line: 2 });
    expect(broken.error.hint).toBe('indent with spaces');
  });
});

describe('--strict-substitution', () => {
  it('refuses placeholders with single braces for keys that have a value', async () => {
    const text = layer('labels: {a: "${{A}} $A", b: "${A} ${A:x} $B ${C:y}", c: $STACKER_OCI_DIR}');
    const { error, warnings } = await failure(text, { substitutions: ['A=B'], strictSubstitution: true });
    expect(error.message).toBe(
      '4 instances of unsupported placeholders found. Review log for how to update.',
    );
    const line = (found: string, instead: string, pair = 'A=B') =>
      `"${pair}" was provided as a substitution and unsupported placeholder "${found}" was found. Replace "${found}" ` +
      `with "${instead}" to use the substitution.`;
    expect(warnings.map(({ message }) => message)).toEqual([
      line('$A', '${{A}}'),
      line('${A}', '${{A}}'),
      line('${A:x}', '${{A:x}}'),
      line('$STACKER_OCI_DIR', '${{STACKER_OCI_DIR}}', 'STACKER_OCI_DIR=/work/oci'),
    ]);
    expect(warnings[0]?.at).toMatchObject({ line: 3, column: 23, length: 2 });
  });

  it('still replaces those with double braces', async () => {
    const text = layer('labels: {a: "${{A}} ${{B:x}} $C"}');
    const { plan } = await load(text, { substitutions: ['A=v'], strictSubstitution: true });
    expect(plan.images[0]?.config.labels).toEqual({ a: 'v x $C' });
  });
});
