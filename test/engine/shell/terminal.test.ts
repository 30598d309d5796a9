import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/engine/index.ts';
import { Terminal } from '../../../src/engine/shell/terminal.ts';

describe('the terminal', () => {
  it('is given once, and who comes later waits until it is free without getting it', async () => {
    const events: BuildEvent[] = [];
    const terminal = new Terminal(event => events.push(event));
    const first = await terminal.take('one');
    let answered = false;
    const second = terminal.take('two').then(taken => {
      answered = true;
      return taken;
    });
    await new Promise(resolve => setImmediate(resolve));
    expect(answered).toBe(false);
    first?.[Symbol.dispose]();
    expect(await second).toBeUndefined();
    expect(events).toEqual([
      { kind: 'terminal-taken', image: 'one' },
      { kind: 'terminal-released', image: 'one' },
    ]);
  });

  it('is free before anybody has taken it', async () => {
    await new Terminal(() => {}).free;
  });
});
