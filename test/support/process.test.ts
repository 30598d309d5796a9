import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/support/process.ts';

describe('a program that is run', () => {
  it('is ended when what it prints is refused', async () => {
    let bytes = 0;
    const running = runProgram('yes', [], {
      onStdout: piece => {
        bytes += piece.length;
        if (bytes > 100_000) throw new Error('enough');
      },
    });
    await expect(running).rejects.toThrow('enough');
  });

  it('gives what it prints to whoever wants it as it comes', async () => {
    const pieces: Buffer[] = [];
    const args = ['-c', 'echo out; echo err >&2; exit 3'];
    const result = await runProgram('sh', args, { onStdout: piece => pieces.push(piece) });
    expect(result).toEqual({ status: 3, stdout: '', stderr: 'err\n' });
    expect(Buffer.concat(pieces).toString()).toBe('out\n');
    expect((await runProgram('sh', args)).stdout).toBe('out\n');
  });
});
