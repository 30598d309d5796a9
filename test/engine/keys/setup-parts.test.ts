import { describe, expect, it } from 'vitest';
import type { BuildOptions } from '../../../src/engine/context.ts';
import { changesBetween } from '../../../src/engine/keys/explanation.ts';
import type { KeyPart } from '../../../src/engine/keys/keys.ts';
import { setupParts } from '../../../src/engine/keys/system-parts.ts';

const at = { file: 'plan', line: 1, column: 1 };

function parts(password: string | undefined, shell = '/bin/sh') {
  const user = { name: 'ann', groups: [], shell, at, ...(password !== undefined && { password }) };
  const changes = [{ kind: 'users', users: [user] }] as const;
  return setupParts({ changes }, undefined, {} as BuildOptions);
}

function said(before: readonly KeyPart[], now: readonly KeyPart[]): readonly string[] {
  return changesBetween('here', before, now, () => undefined).map(({ text }) => text);
}

describe('what the setup of users depends on', () => {
  it('is their passwords, which no log and no memory of builds shows', () => {
    const [one, other] = [parts('$6$a$old'), parts('$6$a$new')];
    expect(JSON.stringify(one)).not.toContain('$6$');
    expect(said(one, other)).toEqual(['passwords of change 1: (changed)']);
    expect(said(parts(undefined), other)).toEqual(['passwords of change 1: (changed)']);
    expect(parts('$6$a$new')).toEqual(other);
  });

  it('is all else that is said of them, in full', () => {
    const [text = ''] = said(parts('$6$x'), parts('$6$x', '/bin/zsh'));
    expect(text).toMatch(/^change 1 \(users\): .*"shell":"\/bin\/sh".* -> .*"shell":"\/bin\/zsh"/);
  });
});

describe('what the setup of a file depends on', () => {
  const parts = (text: string, mode = 0o644) => {
    const changes = [{ kind: 'file', path: '/image/config.xml', text, mode }] as const;
    return setupParts({ changes }, undefined, {} as BuildOptions);
  };

  it('is its text, which no log and no memory of builds shows', () => {
    const [one, other] = [parts('<user password="$6$a$old"/>'), parts('<user password="$6$a$new"/>')];
    expect(JSON.stringify(one)).not.toContain('$6$');
    expect(said(one, other)).toEqual(['text of /image/config.xml (change 1): (changed)']);
    expect(said(parts('', 0o600), parts(''))).toEqual([
      'change 1 (file): {"kind":"file","mode":384,"path":"/image/config.xml"} -> {"kind":"file","mode":420,"path":"/image/config.xml"}',
    ]);
  });
});
