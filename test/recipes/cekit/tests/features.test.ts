import { describe, expect, it } from 'vitest';
import { readFeature } from '../../../../src/recipes/cekit/tests/features.ts';
import { type Selection, selectScenarios } from '../../../../src/recipes/cekit/tests/select.ts';
import { AshlarErrors } from '../../../../src/support/errors.ts';

const text = `@group
Feature: things
  Background:
    Given image is built

  @group/app
  Scenario: one
    When container is started with env
      | variable | value |
      | A        | b\\|c  |

  @wip
  Scenario Outline: two <what>
    Then file /<what> should exist

    Examples:
      | what |
      | x    |

    @other @ignore
    Examples:
      | what |
      | y    |
`;

describe('a feature file', () => {
  it('becomes scenarios with backgrounds, tables and examples in them', async () => {
    const built = { text: 'image is built', rows: [], at: { file: 'f', line: 4, column: 5 } };
    expect(await readFeature('f', text)).toEqual([
      {
        feature: 'things',
        name: 'one',
        tags: ['group', 'group/app'],
        at: { file: 'f', line: 7, column: 3 },
        steps: [
          built,
          {
            text: 'container is started with env',
            rows: [{ variable: 'A', value: 'b|c' }],
            at: { file: 'f', line: 8, column: 5 },
          },
        ],
      },
      {
        feature: 'things',
        name: 'two x',
        tags: ['group', 'wip'],
        at: { file: 'f', line: 18, column: 7 },
        steps: [built, { text: 'file /x should exist', rows: [], at: { file: 'f', line: 14, column: 5 } }],
      },
      expect.objectContaining({ name: 'two y', tags: ['group', 'wip', 'other', 'ignore'] }),
    ]);
  });

  it.each([
    ['Scenario: x\n', 1, /^not a feature file: /],
    ['Feature: x\n  Scenario: y\n    Given z\n    | a |\n    | b | c |\n', 5, /inconsistent cell count/],
  ])('that is none says where: %j', async (wrong, line, message) => {
    await expect(readFeature('f', wrong)).rejects.toSatisfy((error: Error) => {
      const [first] = error instanceof AshlarErrors ? error.errors : [error];
      expect(first).toMatchObject({ message: expect.stringMatching(message), at: { file: 'f', line } });
      return true;
    });
  });

  it.each<[what: string, selection: Partial<Selection>, names: readonly string[]]>([
    ['the name of the image', { image: 'group/app' }, ['one', 'two x']],
    ['the name of another image of the group', { image: 'group/other' }, ['one', 'two x']],
    ['a name that is no tag', { image: 'app' }, []],
    ['@wip', { wip: true }, ['two x']],
    ['names, whatever the tags', { image: 'none', names: ['^one$', 'two'] }, ['one', 'two x']],
    ['files that are wanted', { include: 'a\\.feature$' }, ['one', 'two x']],
    ['other files that are wanted', { include: 'b\\.feature' }, []],
    ['files that are not wanted', { exclude: 'features/' }, []],
  ])('gives the scenarios for %s', async (_what, selection, names) => {
    const features = [{ name: 'features/a.feature', scenarios: await readFeature('f', text) }];
    const selected = selectScenarios(features, { image: 'group', wip: false, names: [], ...selection });
    expect(selected.map(({ name }) => name)).toEqual(names);
  });

  it('is not selected by what is no regular expression', () => {
    const selection = { image: 'group', wip: false, names: ['('] };
    expect(() => selectScenarios([], selection)).toThrow('not a regular expression: (');
  });
});
