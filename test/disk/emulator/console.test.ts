import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Console, withoutEscapes } from '../../../src/disk/emulator/console.ts';

function said(pieces: readonly string[], expected?: string) {
  const lines: string[] = [];
  const console = new Console(expected, line => lines.push(line));
  for (const [i, piece] of pieces.entries()) console.take(Buffer.from(piece), i);
  console.end();
  return { console, lines };
}

describe('the console of a machine', () => {
  it('is read without colors and movements of the cursor', () => {
    const { lines } = said(['\x1b[2J\x1b[01;01H\x1b[0;32mhello\x1b[0m\x1b]0;title\x07 \x1b(Bworld\r\n']);
    expect(lines.filter(line => line !== '')).toEqual(['hello world']);
  });

  it('tells how far the machine has come, and when', () => {
    const { console } = said([
      'BdsDxe: loading Boot0001\r\n',
      'Welcome to GRUB!\r\n',
      '[    0.000000] Linux version 6.1.0\r\n',
      '[    3.1] systemd[1]: Detected\r\n',
      '\r\nDebian GNU/Linux 12 vm ttyS0\r\n\r\nvm login: ',
    ]);
    expect(console.milestones).toEqual([
      { name: 'firmware', seconds: 0 },
      { name: 'loader', seconds: 1 },
      { name: 'kernel', seconds: 2 },
      { name: 'init', seconds: 3 },
      { name: 'login', seconds: 4 },
    ]);
  });

  it('takes no line that is only about logging in for the prompt', () => {
    expect(said(['Failed login: root from tty1\n']).console.milestones).toEqual([]);
  });

  it('finds the expected text in a line that does not end', () => {
    expect(said(['E2E-BO', 'OT-OK'], 'E2E-BOOT-OK').console.found).toBe(true);
    expect(said(['E2E-BO\nOT-OK'], 'E2E-BOOT-OK').console.found).toBe(false);
  });

  it('is the same however its bytes are cut, escape sequences and letters in the middle', () => {
    const text = '\x1b[1;31mWärme\x1b[0m \x1b]0;t\x07ok\r\nnext\x1b(B line\n';
    const whole = said([text]).lines;
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 6 }), cuts => {
        const lines: string[] = [];
        const console = new Console(undefined, line => lines.push(line));
        const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
        for (const [i, place] of places.entries()) console.take(bytes.subarray(place, places[i + 1]), 0);
        console.end();
        expect(lines).toEqual(whole);
      }),
    );
  });

  it('lets nothing through that a terminal would act on', () => {
    const noise = fc.string({
      unit: fc.constantFrom('\x1b', '[', '3', ';', 'm', ']', '\x07', '\x9b', '\b', 'a', '\n', 'é'),
    });
    fc.assert(
      fc.property(noise, text => {
        expect(withoutEscapes(text)[0]).not.toMatch(/[^\n\x20-\x7e\t\u00a0-\u{10ffff}]/u);
      }),
    );
  });

  it('keeps the last lines that say something', () => {
    const { console } = said([...Array.from({ length: 1000 }, (_, i) => `line ${i}\n`), '+-----+\n', '\n']);
    expect(console.last(2)).toEqual(['line 998', 'line 999']);
  });
});
