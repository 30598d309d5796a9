import { describe, expect, it } from 'vitest';
import { describeText, imageOf } from '../support.ts';

describe('what has no effect', () => {
  it('is named with what cannot be built, of what was chosen only', async () => {
    const text = imageOf(
      `<preferences><version>1</version>
      <type image="oem" filesystem="ext4" luks="secret" luks_randomize="false" installiso="true"
      installstick="0"><machine memory="1"/></type>
      <type image="iso" flags="overlay"/></preferences>`,
    );
    const disk = await describeText(text);
    expect(disk.refusals).toMatchObject([
      {
        text: 'luks of <type>: encrypted roots need the device mapper, which ashlar does without',
        at: { line: 3, column: 43 },
      },
    ]);
    expect(disk.remarks.map(({ text }) => text)).toEqual([
      'installiso of <type>: the disk is made, but no medium that installs it',
      '<machine>: it is about virtual machines, which only the formats vmdk and ova describe',
    ]);
    const live = await describeText(text, { type: 'iso' });
    expect(live.refusals).toEqual([]);
    expect(live.remarks.map(({ text }) => text)).toEqual(['flags of <type>: live media are not made']);
  });

  it.each([
    ['true', []],
    ['false', ['ensure_empty_tmpdirs of <type>: they are emptied in any case']],
  ])('is what is not switched off, too: ensure_empty_tmpdirs="%s"', async (value, remarks) => {
    const type = `<type image="docker" ensure_empty_tmpdirs="${value}"/>`;
    const description = await describeText(imageOf(`<preferences><version>1</version>${type}</preferences>`));
    expect(description.remarks.map(({ text }) => text)).toEqual(remarks);
  });
});
