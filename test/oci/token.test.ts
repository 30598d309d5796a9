import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges, readChallenge } from '../../src/oci/token.ts';

describe('a challenge', () => {
  it.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:library/alpine:pull',
          },
        ],
      ],
    ],
    ['Basic realm="a, b=c"', [['basic', { realm: 'a, b=c' }]]],
    [
      'Basic realm=plain, Bearer realm = "https://x" , service=y',
      [
        ['basic', { realm: 'plain' }],
        ['bearer', { realm: 'https://x', service: 'y' }],
      ],
    ],
    ['Basic realm="say \\"hi\\""', [['basic', { realm: 'say "hi"' }]]],
    [
      'Negotiate, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['', []],
    ['realm="without a scheme"', []],
  ])('%s', (header, expected) => {
    const parsed = parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.fromEntries(parameters),
    ]);
    expect(parsed).toEqual(expected);
  });

  it('of any text is read to an end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), header => {
        expect(Array.isArray(parseChallenges(header))).toBe(true);
      }),
    );
  });

  it('prefers a token to a password', async () => {
    const header = 'Basic realm="x", Bearer realm="https://auth.example/token",service="s"';
    expect(await readChallenge(header, new URL('https://registry.example/'))).toEqual({
      scheme: 'bearer',
      realm: new URL('https://auth.example/token'),
      service: 's',
    });
    expect(await readChallenge('Basic realm="x"', new URL('https://registry.example/'))).toEqual({
      scheme: 'basic',
    });
    expect(await readChallenge('Negotiate', new URL('https://registry.example/'))).toBeUndefined();
  });
});

describe('the token server', () => {
  const challenge = (registry: string, realm: string) =>
    readChallenge(`Bearer realm="${realm}"`, new URL(registry));

  it.each([
    ['https://registry.example/', 'http://registry.example/token', 'that is not encrypted'],
    ['https://registry.example/', 'http://auth.example/token', 'that is not encrypted'],
    ['https://registry.example/', 'https://169.254.169.254/latest', 'that is in a private network'],
    ['http://registry.example/', 'http://169.254.169.254/latest', 'that is in a private network'],
    ['http://registry.example/', 'http://127.0.0.1:8080/', 'that is in a private network'],
    ['https://registry.example/', 'https://localhost/', 'that is in a private network'],
    ['https://registry.example/', 'https://[::1]/', 'that is in a private network'],
    ['https://127.0.0.1:5000/', 'http://127.0.0.1:5000/token', 'that is not encrypted'],
    ['http://127.0.0.1:5000/', 'file:///etc/passwd', 'that is no web address'],
  ])('of %s is not at %s', async (registry, realm, why) => {
    await expect(challenge(registry, realm)).rejects.toThrow(`refused, because ${why}`);
  });

  it.each([
    ['https://registry.example/', 'https://auth.example/token'],
    ['https://127.0.0.1:5000/', 'https://127.0.0.1:5001/token'],
    ['https://10.0.0.1/', 'https://auth.example/token'],
    ['http://127.0.0.1:5000/', 'http://localhost:5001/token'],
    ['http://127.0.0.1:5000/', 'https://auth.example/token'],
  ])('of %s may be at %s', async (registry, realm) => {
    expect(await challenge(registry, realm)).toMatchObject({ realm: new URL(realm) });
  });

  it('must have an address', async () => {
    await expect(challenge('https://registry.example/', 'token')).rejects.toThrow(
      'registry.example names no token server',
    );
  });
});
