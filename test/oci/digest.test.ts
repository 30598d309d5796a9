import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifiedBytes, verifyBytes } from '../../src/oci/digest.ts';
import { chainId, type Digest, digestOf, parseDigest, verifying } from '../../src/oci/index.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { bytesOf } from './fixtures.ts';

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));

describe('a digest', () => {
  it('is accepted when it is sha256 or sha512 with all its digits', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hex(64).map(h => `sha256:${h}`),
          hex(128).map(h => `sha512:${h}`),
        ),
        text => {
          expect(parseDigest(text)).toBe(text);
        },
      ),
    );
  });

  it.each([
    'sha256:../../x',
    `sha256:${'../'.repeat(21)}x`,
    `sha256:${'a'.repeat(63)}/`,
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}\n`,
    `sha512:${'a'.repeat(64)}`,
    `sha1:${'a'.repeat(40)}`,
    `md5:${'a'.repeat(32)}`,
    `SHA256:${'a'.repeat(64)}`,
    `__proto__:${'a'.repeat(64)}`,
    `constructor:${'a'.repeat(64)}`,
    `sha256+x:${'a'.repeat(64)}`,
    'sha256',
    'sha256:',
    ':',
    '',
  ])('is refused when it is %j', text => {
    expect(() => parseDigest(text)).toThrow(AshlarError);
  });

  it('of any text is either refused or safe in a path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        try {
          expect(parseDigest(text)).toMatch(/^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/);
        } catch (error) {
          expect(error).toBeInstanceOf(AshlarError);
        }
      }),
    );
  });
});

describe('a verified stream', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });

  it('passes on what has the right digest and size', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, async pieces => {
        const bytes = Buffer.concat(pieces);
        const sha512: Digest = `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
        for (const digest of [digestOf(bytes), sha512]) {
          expect((await bytesOf(verifying({ digest, size: bytes.length }, pieces))).equals(bytes)).toBe(true);
        }
      }),
    );
  });

  it('fails for every flipped bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat(), async (bytes, at) => {
        const damaged = Uint8Array.from(bytes);
        const place = at % bytes.length;
        damaged[place] = (damaged[place] ?? 0) ^ (1 << (at % 8));
        const stream = verifying({ digest: digestOf(bytes), size: bytes.length }, [damaged]);
        await expect(bytesOf(stream)).rejects.toThrow('is damaged: its digest is sha256:');
      }),
    );
  });

  it('fails when it ends early', async () => {
    const bytes = Buffer.from('hello');
    const stream = verifying({ digest: digestOf(bytes), size: 5 }, [bytes.subarray(0, 4)]);
    await expect(bytesOf(stream)).rejects.toThrow('is truncated: 4 of 5 bytes');
  });

  it('holds its last chunk back until all is right, and does not read on beyond its size', async () => {
    const bytes = Buffer.from('hello');
    let read = 0;
    const endless = async function* () {
      for (;;) {
        read += 1;
        yield bytes;
      }
    };
    let passed = 0;
    const consume = async () => {
      for await (const chunk of verifying({ digest: digestOf(bytes), size: 5 }, endless()))
        passed += chunk.length;
    };
    await expect(consume()).rejects.toThrow('is longer than the 5 bytes of its descriptor');
    expect(passed).toBe(0);
    expect(read).toBe(2);
  });

  it('can be collected', async () => {
    const bytes = Buffer.from('hello');
    expect(String(await verifiedBytes({ digest: digestOf(bytes), size: 5 }, [bytes]))).toBe('hello');
  });
});

it('says what is damaged', () => {
  const bytes = Buffer.from('x');
  expect(() => verifyBytes(digestOf(Buffer.from('y')), bytes, 'the thing')).toThrow('the thing is damaged');
  expect(() => verifyBytes(digestOf(bytes), bytes, 'the thing')).not.toThrow();
});

describe('a chain of layers', () => {
  const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const [a, b, c] = ['a', 'b', 'c'].map(text => parseDigest(sha256(text)));

  it('is known by what image-spec says', () => {
    if (!a || !b || !c) throw new Error('no digests');
    expect(chainId([a])).toBe(a);
    expect(chainId([a, b, c])).toBe(sha256(`${sha256(`${a} ${b}`)} ${c}`));
    expect(chainId([])).toBe(sha256(''));
  });
});
