import { describe, expect, it } from 'vitest';
import { planDescription } from '../../../src/recipes/cekit/index.ts';
import type { CekitOptions } from '../../../src/recipes/cekit/options.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { describeFiles, optionsIn } from './load.ts';

const head = 'name: some/app\nversion: 1\nfrom: scratch\n';

async function targetOf(text: string, options: Partial<CekitOptions> = {}) {
  const description = await describeFiles({ 'image.yaml': text }, options);
  const { images } = await planDescription(description, optionsIn('/work', options));
  return { description, images, image: images.at(-1) };
}

const inline = (value: string) => ({ kind: 'text-or-path', value }) as const;

describe('outputs of a descriptor', () => {
  it('are what they are in stacker files', async () => {
    const { image, description } = await targetOf(
      `${head}outputs: [oci, erofs, {filesystem: ext4}, {disk: {hostname: box, format: qcow2}}]\n`,
    );
    expect(image).toMatchObject({
      emit: true,
      tags: ['some/app:1', 'some/app:latest'],
      forms: ['usual', 'erofs'],
      outputs: [
        { kind: 'file-system', file: 'some/app.ext4' },
        { kind: 'disk', file: 'some/app.raw', formats: [{ file: 'some/app.qcow2' }] },
      ],
    });
    expect(description.target.effective).toMatchObject({
      outputs: ['oci', 'erofs', { filesystem: 'ext4' }, { disk: { hostname: 'box', format: 'qcow2' } }],
    });
  });

  it('are the image alone where there are none', async () => {
    const { image } = await targetOf(head);
    expect(image).toMatchObject({ emit: true });
    expect(image).not.toHaveProperty('outputs');
  });

  it('are called after their platforms where there are several', async () => {
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
    ];
    const { images } = await targetOf(`${head}outputs: [tar]\n`, { platforms });
    expect(images.map(({ emit, outputs }) => [emit, outputs?.[0]?.file])).toEqual([
      [false, 'some/app-amd64.tar'],
      [false, 'some/app-armv7.tar'],
    ]);
  });

  it('are those of overrides where these have some', async () => {
    const text = `${head}outputs: [oci, disk]\n`;
    const { image } = await targetOf(text, { overrides: [inline('{outputs: [cpio]}')] });
    expect(image).toMatchObject({ emit: false, outputs: [{ file: 'some/app.cpio' }] });
    const { image: plain } = await targetOf(text, { overrides: [inline('{outputs: }')] });
    expect(plain).toMatchObject({ emit: true });
    expect(plain).not.toHaveProperty('outputs');
  });

  it('are of the last image of a list, also in overrides without a stage', async () => {
    const builder = '- {name: builder, version: 1, from: scratch}\n';
    const target = '- {name: app, version: 1, from: builder}\n';
    const { images } = await targetOf(builder + target, { overrides: [inline('{outputs: [tar]}')] });
    expect(images.map(({ outputs }) => outputs?.length)).toEqual([undefined, 1]);
    const wrong = builder.replace('}', ', outputs: [tar]}') + target;
    const error = await describeFiles({ 'image.yaml': wrong }).catch((error: unknown) => error);
    if (!(error instanceof AshlarError)) throw error;
    expect(error.message).toBe("the image 'builder' has outputs, and others come after it");
    expect(error.at).toMatchObject({ line: 1, column: wrong.indexOf('[tar]') + 1 });
  });

  it.each([
    ['[oic]', 'unknown output oic', 'did you mean "oci"?'],
    ['[{disk: {sice: 4G}}]', "unknown setting sice of 'disk'", 'did you mean "size"?'],
    ['tar', '\'outputs\' expected a list, found string: "tar"', 'for example outputs: [oci'],
  ])('are refused with their place: %s', async (list, message, hint) => {
    const error = await describeFiles({ 'image.yaml': `${head}outputs: ${list}\n` }).catch(
      (error: unknown) => error,
    );
    if (!(error instanceof AshlarError)) throw error;
    expect(error.message).toBe(message);
    expect(error.hint).toContain(hint);
    expect(error.at).toMatchObject({ file: expect.stringContaining('image.yaml'), line: 4 });
  });
});
