import { expect, it } from 'vitest';
import { checkOutputs } from '../../../src/engine/outputs/outputs.ts';
import type { DiskOutput } from '../../../src/plan/outputs.ts';
import { diskOutput } from '../../../src/plan/simple-disk.ts';

const at = { file: 'plan', line: 3, column: 2 };

it('finds what cannot be said to a program before any work', async () => {
  const disk = diskOutput({ formats: ['qcow2'] }, { name: 'disk', architecture: 'amd64', at });
  const saying = (...options: readonly string[]): DiskOutput => ({
    ...disk,
    formats: disk.formats.map(format => ({ ...format, options })),
  });
  await expect(checkOutputs([saying('backing_file=/etc/shadow')])).rejects.toMatchObject({
    message: 'the format qcow2 has no option "backing_file" here',
    at,
  });
  await expect(checkOutputs([saying('compat=9')])).rejects.toThrow(
    '"compat=9" has no value that qcow2 knows',
  );
});
