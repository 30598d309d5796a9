import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lock, locked, lockedCommit, readLock, writeLock } from '../../../src/recipes/cekit/lock.ts';
import { sourceText } from '../../../src/support/source-text.ts';

const read = (text: string) => readLock(sourceText('ashlar.lock', text));
const at = { file: 'image.yaml', line: 1, column: 1 };
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const digest = `sha256:${'a'.repeat(64)}`;

// Descriptors are YAML, which has no NUL either.
const anyName = fc.string({ unit: 'binary' }).map(text => text.replaceAll('\0', ' '));

const anyLock: fc.Arbitrary<Lock> = fc.record({
  images: fc.dictionary(
    anyName,
    hex(64).map(digits => `sha256:${digits}`),
  ),
  repositories: fc.dictionary(fc.string(), fc.oneof(hex(40), hex(64))),
  artifacts: fc.dictionary(fc.webUrl(), hex(64)),
  packages: fc.dictionary(
    fc.string(),
    fc.dictionary(
      fc.string(),
      fc.constantFrom('*', '1.10', '1:2.3-4.el9', '0x10', '2020-01-01', '1e3', 'on'),
    ),
  ),
});

describe('a lock file', () => {
  it('says after it was read what was written', () => {
    fc.assert(
      fc.property(anyLock, lock => {
        // The dictionaries of fast-check may be without a prototype.
        expect(read(writeLock(lock))).toEqual(JSON.parse(JSON.stringify(lock)));
      }),
    );
  });

  it('is the same text whatever order things were found in', () => {
    const packages = { b: { y: '1', x: '2' }, a: {} };
    const turned = { a: {}, b: { x: '2', y: '1' } };
    const rest = { images: {}, repositories: {}, artifacts: {} };
    expect(writeLock({ ...rest, packages })).toBe(writeLock({ ...rest, packages: turned }));
  });

  it.each([
    ['[]', 'the lock file must be a map', 1, 1],
    ['images: {}\n', 'the lock file is of another version of ashlar', 1, 1],
    ['lock: 2\n', 'the lock file is of another version of ashlar', 1, 7],
    ['lock: 1\nextra: {}\n', 'a lock file has no extra', 2, 1],
    ['lock: 1\nimages: []\n', 'images must be a map', 2, 9],
    ['lock: 1\nimages:\n  a: latest\n', 'a is not locked to a digest (sha256:…)', 3, 6],
    ['lock: 1\nrepositories:\n  a: main\n', 'a is not locked to a commit (40 hexadecimal digits)', 3, 6],
    ['lock: 1\nartifacts:\n  a: [x]\n', 'a is not locked to a SHA-256 (64 hexadecimal digits)', 3, 6],
    ['lock: 1\npackages:\n  s:\n    a: 1; rm -rf /\n', 'a is not locked to a version', 4, 8],
    ['lock: 1\npackages:\n  s:\n    a: -y\n', 'a is not locked to a version', 4, 8],
    [`lock: 1\nimages:\n  a: ${digest}\n  a: ${digest}\n`, "'a' is given twice, the last one counts", 4, 3],
  ])('is refused with its place: %j', (text, message, line, column) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(
      expect.objectContaining({ at: expect.objectContaining({ line, column }) }),
    );
  });

  it('must have what is asked of it', () => {
    const lock = read('lock: 1\n');
    expect(() => locked(lock.images, 'constructor', 'digest for constructor', at)).toThrow(
      'the lock file has no digest for constructor',
    );
    expect(() => lockedCommit(lock, 'u', 'r', at)).toThrow('the lock file has no commit for u at r');
    expect(lockedCommit(undefined, 'u', 'r', at)).toBe('r');
  });
});
