import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { saltOf, sha512Crypt } from '../../src/support/password-hash.ts';
import { has } from './tools.ts';

describe('a hash of a password', () => {
  it('is that of the paper that defines it', () => {
    expect(sha512Crypt('Hello world!', 'saltstring')).toBe(
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    );
  });

  it.runIf(has('openssl')).each(['x', 'pässwört', ' ', 'a'.repeat(64), 'b'.repeat(150)])(
    'is what openssl makes of %j',
    password => {
      const salt = saltOf(password);
      const made = execFileSync('openssl', ['passwd', '-6', '-salt', salt, '-stdin'], {
        input: `${password}\n`,
        encoding: 'utf8',
      });
      expect(sha512Crypt(password, salt)).toBe(made.trim());
    },
  );

  it('has a salt that follows from a text', () => {
    expect(saltOf('a')).toMatch(/^[./0-9A-Za-z]{16}$/);
    expect(saltOf('a')).toBe(saltOf('a'));
    expect(saltOf('a')).not.toBe(saltOf('b'));
  });
});
