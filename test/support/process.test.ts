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

  it('reads input as it comes, and is ended when that fails', async () => {
    async function* lines(last: string) {
      for (let i = 0; i < 3; i++) yield Buffer.alloc(200_000, 'x');
      if (last === 'bad') throw new Error('the source failed');
      yield Buffer.from(last);
    }
    expect(await runProgram('wc', ['-c'], { input: lines('end') })).toMatchObject({ stdout: '600003\n' });
    await expect(runProgram('cat', [], { input: lines('bad') })).rejects.toThrow('the source failed');
    expect(await runProgram('sh', ['-c', 'exit 4'], { input: lines('end') })).toMatchObject({ status: 4 });
  });
});
