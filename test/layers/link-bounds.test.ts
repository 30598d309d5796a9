import { describe, expect, it } from 'vitest';
import { digestOfFiles } from '../../src/layers/index.ts';
import { scratch, sh } from './support.ts';

function made(script: string): Promise<string> {
  const root = scratch();
  sh(`mkdir -p d/a/b; echo x > d/a/f; cd d; ${script}`, root);
  return digestOfFiles(`${root}/d`, { confined: true });
}

describe('symbolic links of a confined directory', () => {
  it.each([
    'ln -s f a/l',
    'ln -s ../../a/b/../f a/b/l',
    'ln -s nowhere/at/all a/l',
    'ln -s .. a/up; ln -s a/up/a/f l',
    'ln -s l l; ln -s m n; ln -s n m',
    'ln -s a/b deep; ln -s deep/../.. l',
  ])('may lead anywhere in it: %s', async script => {
    expect(await made(script)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['ln -s /etc/passwd a/l', '"a/l"', '/etc/passwd'],
    ['ln -s / a/l', '"a/l"', '/'],
    ['ln -s ../.. a/l', '"a/l"', '../..'],
    ['ln -s ../../x a/l', '"a/l"', '../../x'],
    ['ln -s a/b deep; ln -s deep/../../.. l', '"l"', 'deep/../../..'],
    ['ln -s ../.. a/b/up; ln -s a/b/up/.. l', '"l"', 'a/b/up/..'],
  ])('may not lead out of it: %s', async (script, link, target) => {
    await expect(made(script)).rejects.toThrow(
      `the symbolic link ${link} leads out of the directory: ${JSON.stringify(target)}`,
    );
  });
});
