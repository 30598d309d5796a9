import { describe, expect, it } from 'vitest';
import type { BuildOptions } from '../../../../src/engine/context.ts';
import { setupParts } from '../../../../src/engine/keys/system-parts.ts';
import { publicValue } from '../../../../src/support/secrets.ts';
import { built, imageCalled, preferences, stepCalled, tbzType } from './support.ts';

describe('the users of a description', () => {
  it('come after their groups, and what is plain is hashed the same each time', async () => {
    const users =
      '<users><user name="a" password="secret" pwdformat="plain" groups="a:500,wheel"/><user name="b" password="$1$x$y"/></users>';
    const plan = await built({ elements: [preferences(tbzType), users] });
    const again = await built({ elements: [preferences(tbzType), users] });
    const { changes } = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'system');
    expect(changes).toMatchObject([
      { kind: 'groups', groups: [{ name: 'a', gid: 500 }, { name: 'wheel' }] },
      {
        kind: 'users',
        users: [
          { name: 'a', groups: ['a', 'wheel'] },
          { name: 'b', password: '$1$x$y', groups: [] },
        ],
      },
    ]);
    expect(JSON.stringify(changes)).toMatch(/"\$6\$[^"]+"/);
    expect(JSON.stringify(changes)).not.toContain('secret');
    const same = stepCalled(imageCalled(again, 'n').steps, 'setup', 'system').changes;
    const plain = (changes: object) =>
      JSON.stringify(changes, (key, value: unknown) => (key === 'at' ? 0 : value));
    expect(plain(same)).toBe(plain(changes));
    expect(plan.warnings.join('\n')).toContain('the password of a can be read by everybody');
    expect(plan.warnings.join('\n')).toContain('the password of b is hashed with MD5');
    expect(plan.warnings.join('\n')).not.toContain('secret');
    // Nor do the description in the image, and whatever shows plans.
    expect(JSON.stringify(plan)).not.toContain('secret');
    const kept = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description').changes[0];
    const text = kept?.kind === 'file' ? kept.text : '';
    const hash = /"password":"(\$6\$[^"]+)"/.exec(JSON.stringify(changes))?.[1];
    expect(text).toContain(`<user name="a" password="${hash}" groups="a:500,wheel"/>`);
  });

  it('have hashes of their passwords in no key, memory or shown plan', async () => {
    const users =
      '<users><user name="a" password="secret" pwdformat="plain"/><user name="b" password="$5$x$y"/></users>';
    const plan = await built({ elements: [preferences(tbzType), users] });
    const hashes = /\$[56]\$/;
    const setups = imageCalled(plan, 'n').steps.flatMap(step => (step.kind === 'setup' ? [step] : []));
    expect(JSON.stringify(setups)).toMatch(hashes);
    const parts = setups.flatMap(step => setupParts(step, undefined, {} as BuildOptions));
    expect(JSON.stringify(parts)).not.toMatch(hashes);
    expect(JSON.stringify(plan, publicValue)).not.toMatch(hashes);
  });
});
