import { expect, it } from 'vitest';
import { openLog } from '../../src/cli/log.ts';

it('shows what is in names out of descriptors as characters, not as what they do to a terminal', () => {
  const lines: string[] = [];
  const log = openLog({}, line => void lines.push(line));
  log('info', "there are two artifacts '\u001b]0;x\u0007'");
  log('warning', 'a\nFinished!');
  expect(lines).toEqual(["there are two artifacts '\\x1b]0;x\\x07'\n", 'a\n  Finished!\n']);
});
