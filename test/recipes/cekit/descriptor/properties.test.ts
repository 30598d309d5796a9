import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readDescriptor, readModule, readOverrides } from '../../../../src/recipes/cekit/descriptor/read.ts';
import { AshlarError, AshlarErrors } from '../../../../src/support/errors.ts';
import { mutated, validImages, validModules, validOverrides } from './generate.ts';
import { ignore, source } from './support.ts';

const write = (descriptor: unknown) =>
  stringify(descriptor, { version: '1.1', aliasDuplicateObjects: false });

describe('descriptors', () => {
  it('are read when they are as the table of words allows', () => {
    const kinds = [
      [validImages, readDescriptor],
      [validModules, readModule],
      [validOverrides, readOverrides],
    ] as const;
    for (const [descriptors, read] of kinds) {
      fc.assert(
        fc.property(descriptors, descriptor => {
          expect(() => read(source(write(descriptor)), ignore)).not.toThrow();
        }),
        { numRuns: 60 },
      );
    }
  });

  it('are read as YAML and as JSON alike', () => {
    const texts = (text: string) =>
      JSON.stringify(readDescriptor(source(text), ignore), (key, value) =>
        key === 'at' ? undefined : value,
      );
    fc.assert(
      fc.property(validImages, descriptor => {
        // JSON has other words for some floats: `1e+21` is a text in YAML 1.1.
        const json = JSON.stringify(descriptor);
        fc.pre(!/\de\+/.test(json));
        expect(texts(json)).toBe(texts(write(descriptor)));
      }),
      { numRuns: 60 },
    );
  });

  it('with one change anywhere are read, or refused with a place for everything that is wrong', () => {
    fc.assert(
      fc.property(mutated(validImages), descriptor => {
        try {
          readDescriptor(source(write(descriptor)), ignore);
        } catch (error) {
          expect(error).toBeInstanceOf(AshlarError);
          const errors = error instanceof AshlarErrors ? error.errors : [error];
          expect(errors.length).toBeGreaterThan(0);
          for (const each of errors) {
            expect(each).toMatchObject({ at: { file: '/project/image.yaml', line: expect.any(Number) } });
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('that are any text at all are read, or refused with a place', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'-: {}[]\n&*a"\'#|') })),
        text => {
          for (const read of [readDescriptor, readModule, readOverrides]) {
            try {
              read(source(text), ignore);
            } catch (error) {
              expect(error).toBeInstanceOf(AshlarError);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
