import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Converted, convertDockerfile } from '../../../src/recipes/dockerfile/index.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { load } from '../stacker/load.ts';

const convert = (text: string) =>
  convertDockerfile({
    file: '/nowhere/Dockerfile',
    text,
    output: '/nowhere/stacker.yaml',
    generated: [],
    platform: { os: 'linux', architecture: 'amd64' },
    readBase: async () => undefined,
  });

/** The images of the stacker file that a Dockerfile becomes. */
async function imagesOf(text: string, values: readonly string[] = []) {
  return planned(await convert(text), values);
}

async function planned({ stackerFile, substitutes }: Converted, values: readonly string[]) {
  const { plan } = await load(
    { 'stacker.yaml': stackerFile, 'subs.yaml': substitutes },
    { strictSubstitution: true, substitutions: values, substituteFiles: ['subs.yaml'] },
  );
  return plan.images;
}

const special = [
  "'",
  '"',
  '\\',
  '$',
  '`',
  ' ',
  '{',
  '}',
  '${{',
  '}}',
  'KEY',
  '${KEY}',
  ': ',
  ' #',
  '-',
  '~',
  'yes',
  '1.10',
  'é',
];
const text = fc.string({ unit: fc.constantFrom(...special), maxLength: 10 });

it('what a Dockerfile says literally reaches the plan as it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 3 }), text, async (words, value) => {
      const label = value.replaceAll("'", '');
      const [image] = await imagesOf(
        `FROM scratch\nARG KEY=value\nCMD ${JSON.stringify(words)}\nLABEL '${label || 'x'}'='${label}'\nENV E='${label}'\n`,
      );
      expect(image?.config).toMatchObject({
        cmd: words,
        labels: { [label || 'x']: label },
        environment: [['E', label]],
      });
    }),
  );
});

it('the value of an argument reaches the plan as it is', async () => {
  await fc.assert(
    fc.asyncProperty(text, async value => {
      // A placeholder in a value is one for a later key, and spaces at the beginning are the indentation of YAML.
      const given = value.replaceAll('$', '').trimStart();
      const [image] = await imagesOf('FROM scratch\nARG KEY\nENV E=$KEY F=-$KEY-\n', [`KEY=${given}`]);
      expect(image?.config.environment).toEqual([
        ['E', given],
        ['F', `-${given}-`],
      ]);
    }),
  );
});

it('whatever the text, there is a stacker file that can be read, or an error of ours', async () => {
  const keyword = fc.constantFrom(
    'FROM scratch',
    'FROM a AS b',
    'RUN',
    'ARG',
    'ENV',
    'COPY',
    'ADD',
    'LABEL',
    'CMD',
    'USER',
    'WORKDIR',
    'VOLUME',
    'SHELL',
    '#',
    'EXPOSE',
    'RUN --mount=',
  );
  const word = fc.constantFrom(
    ...special,
    'a',
    '/b',
    'x=y',
    '[',
    ']',
    '"c"',
    ',',
    '<<E',
    '\nE\n',
    '--from=b',
    '*',
    '\\\n',
    '$A',
    '${A:-',
    'target=/x',
    '..',
    '.',
  );
  const line = fc
    .tuple(keyword, fc.array(word, { maxLength: 5 }))
    .map(([name, words]) => [name, ...words].join(' '));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), async lines => {
      const converted = await convert(['FROM scratch', ...lines].join('\n')).catch((error: unknown) => {
        expect(error).toBeInstanceOf(AshlarError);
      });
      if (converted) await planned(converted, []);
    }),
    { numRuns: 400 },
  );
});
