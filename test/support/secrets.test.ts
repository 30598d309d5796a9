import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AshlarError } from '../../src/support/errors.ts';
import { renderError } from '../../src/support/excerpt.ts';
import {
  Censor,
  publicValue,
  splitLogin,
  withoutLogins,
  withoutPasswords,
} from '../../src/support/secrets.ts';
import { sourceText, spanBetween } from '../../src/support/source-text.ts';

describe('texts without secrets', () => {
  it.each([
    ['get https://me:pass@host.example/x@y', 'get https://*******@host.example/x@y'],
    ['http://token@h', 'http://*****@h'],
    ['http://a:b@c@h/', 'http://*****@h/'],
    ['ftp://a:b@h, http://c:d@i', 'ftp://***@h, http://***@i'],
    ['https://u:p#s@host/x', 'https://*****@host/x'],
    ['https://u:p?s@host/x', 'https://*****@host/x'],
    ["https://u:it's@host", 'https://******@host'],
    ['https://me@corp:pass@host', 'https://************@host'],
  ])('have stars in %s', (text, shown) => {
    expect(withoutLogins(text)).toBe(shown);
  });

  it.each([
    'ssh://git@host/x',
    'https://host/a@b',
    'https://host?to=a@b',
    'https://host:8443?to=a@b',
    'https://host:8443#a@b',
    'https://host:8443/a@b',
    'ann@example.com',
  ])('are %s itself', text => {
    expect(withoutLogins(text)).toBe(text);
  });

  it('have stars for what is taken for a login, and for nothing else', () => {
    const part = fc.constantFrom('u', 'p', ':', '@', '#', '?', "'", '"', '<', '%', '&', '/', ' ');
    fc.assert(
      fc.property(fc.array(part), parts => {
        const address = `https://${parts.join('')}`;
        const { url, login } = splitLogin(address);
        const hidden = address.length - url.length - 1;
        const expected = login ? `https://${'*'.repeat(hidden)}@${url.slice('https://'.length)}` : address;
        expect(withoutLogins(address)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('have stars for passphrases, and for what of them is in a line', () => {
    expect(withoutPasswords(`<type luks="topsecret" luks_version="luks2" x='1'/>`)).toBe(
      `<type luks="*********" luks_version="luks2" x='1'/>`,
    );
    expect(withoutPasswords(`<type luks='top`)).toBe(`<type luks='***`);
  });

  it('have stars for passwords that go on in other lines, in each of them', () => {
    const text = '<user\n  password="se\r\ncr"\n  name="me"/>';
    expect(withoutPasswords(text)).toBe('<user\n  password="**\r\n**"\n  name="me"/>');
    const file = join(mkdtempSync(join(tmpdir(), 'secrets-')), 'config.xml');
    writeFileSync(file, text);
    try {
      for (const at of [
        { file, line: 3, column: 1 },
        spanBetween(sourceText('config.xml of an image', text), text.indexOf('cr"'), text.length),
      ]) {
        const shown = renderError(new AshlarError('wrong', { at }), { color: false });
        expect(shown).toContain(`${at.line} | **"`);
      }
    } finally {
      rmSync(dirname(file), { recursive: true });
    }
  });

  it('have the places that they had', () => {
    const line = `<repository username="me" password="se'cret" alias='x'/><user password = 'a"b'/>`;
    expect(withoutPasswords(line)).toBe(
      `<repository username="me" password="*******" alias='x'/><user password = '***'/>`,
    );
    const at = { file: 'config.xml', line: 3, column: line.indexOf('alias') + 1, length: 5, lineText: line };
    const text = renderError(new AshlarError('no http://me:secret@h/', { at }), { color: false });
    expect(text).not.toMatch(/cret/);
    expect(text.split('\n').at(-1)?.indexOf('^')).toBe(text.split('\n').at(-2)?.indexOf('alias'));
  });

  it('are what plans are shown as', () => {
    const at = { lineText: '<user password="secret"/>' };
    const plan = {
      at,
      credentials: { user: 'me', password: 'secret' },
      users: [{ name: 'me', password: '$6$secret' }],
      files: [{ kind: 'file', path: '/a', text: '$6$secret' }],
      url: 'http://me:secret@h/',
      n: 1,
    };
    expect(JSON.parse(JSON.stringify(plan, publicValue))).toEqual({
      at: { lineText: '<user password="******"/>' },
      users: [{ name: 'me', password: '(hidden)' }],
      files: [{ kind: 'file', path: '/a', text: '(hidden)' }],
      url: 'http://*********@h/',
      n: 1,
    });
  });
});

describe('output without secrets', () => {
  it('is the same in whatever pieces it comes', () => {
    const secrets = ['pässword', 'word', 'pässw', 'abcab', 'a/b', 'aab', 'ba'];
    const piece = fc.oneof(
      fc.constantFrom(...secrets, 'pä', 'ss', 'a', 'aa', 'abc', 'b', '\n', '%2Fb'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(20)), (pieces, sizes) => {
        const bytes = Buffer.from(pieces.join(''));
        const whole = passed(secrets, [bytes]);
        expect(passed(secrets, cut(bytes, sizes))).toEqual(whole);
        expect(whole).toHaveLength(bytes.length);
        for (const secret of [...secrets, 'a%2Fb']) expect(whole.toString()).not.toContain(secret);
      }),
    );
  });

  it('has no tail of a secret that begins with another one', () => {
    const pieces = [Buffer.from('ab'), Buffer.from('cd, ab')];
    expect(passed(['ab', 'abcd'], pieces).toString()).toBe('****, **');
    expect(passed(['abc', 'bcde'], [Buffer.from('abc'), Buffer.from('de')]).toString()).toBe('*****');
  });

  it('is all of it where nothing is secret', () => {
    expect(passed([''], [Buffer.from('a'), Buffer.from('b')]).toString()).toBe('ab');
    expect(passed(['secret'], [Buffer.from('my sec')]).toString()).toBe('my sec');
  });
});

function passed(secrets: readonly string[], pieces: readonly Uint8Array[]): Buffer {
  const censor = new Censor(secrets);
  return Buffer.concat([...pieces.map(piece => censor.pass(piece)), censor.end()]);
}

function cut(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const [size, ...rest] = sizes;
  return size === undefined ? [bytes] : [bytes.subarray(0, size), ...cut(bytes.subarray(size), rest)];
}

describe('the login in an address', () => {
  it.each(['/srv/a:b@c', 'https://host/a:b@c', 'https://host:8443?q=a@b', 'https://host', 'this://a:b@c'])(
    'is not there in %s',
    url => {
      expect(splitLogin(url)).toEqual({ url });
    },
  );

  it('is what was written into it', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (user, password) => {
        const login = [user, password].map(encodeURIComponent).join(':');
        expect(splitLogin(`https://${login}@host/x`)).toEqual({
          url: 'https://host/x',
          login: { user, password },
        });
      }),
    );
    expect(splitLogin('http://me:50%@host')).toEqual({
      url: 'http://host',
      login: { user: 'me', password: '50%' },
    });
  });
});
