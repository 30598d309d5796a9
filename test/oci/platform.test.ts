import { describe, expect, it } from 'vitest';
import type { Descriptor, Platform } from '../../src/oci/index.ts';
import {
  chooseByPlatform,
  formatPlatform,
  hostPlatform,
  noSuchPlatform,
  parsePlatform,
} from '../../src/oci/platform.ts';

const platform = (text: string): Platform => {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant ? { variant } : {}) };
};

const entry = (text: string): Descriptor => ({
  mediaType: text,
  digest: `sha256:${'0'.repeat(64)}`,
  size: 1,
  ...(text === 'unmarked' ? {} : { platform: platform(text) }),
});

const choose = (wanted: string, ...offered: readonly string[]) =>
  chooseByPlatform(offered.map(entry), platform(wanted))?.mediaType;

describe('of an index', () => {
  it.each<[wanted: string, offered: string[], chosen: string | undefined]>([
    ['linux/amd64', ['linux/arm64', 'linux/amd64', 'windows/amd64'], 'linux/amd64'],
    ['linux/amd64', ['linux/arm64'], undefined],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], 'linux/arm/v6'],
    ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v5'], 'linux/arm/v5'],
    ['linux/arm/v5', ['linux/arm/v7', 'linux/arm/v6'], undefined],
    ['linux/arm', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
    ['linux/arm/v7', ['linux/arm'], 'linux/arm'],
    ['linux/arm64', ['linux/arm64/v8'], 'linux/arm64/v8'],
    ['linux/arm64/v8', ['linux/arm64'], 'linux/arm64'],
    ['linux/arm64', ['linux/arm64/v9', 'linux/arm64/v8'], 'linux/arm64/v8'],
    ['linux/arm64/v9', ['linux/arm64', 'linux/arm64/v9'], 'linux/arm64/v9'],
    ['linux/amd64', ['linux/amd64/v3', 'linux/amd64'], 'linux/amd64'],
    ['linux/amd64', ['linux/amd64/v3'], undefined],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 'linux/amd64/v2'],
    ['linux/arm/soft', ['linux/arm/v7', 'linux/arm/soft'], 'linux/arm/soft'],
    ['linux/386', ['linux/amd64', 'linux/386'], 'linux/386'],
    ['linux/amd64', ['unmarked', 'linux/arm64'], 'unmarked'],
    ['linux/amd64', ['unmarked', 'linux/amd64'], 'linux/amd64'],
    ['linux/amd64', ['unmarked', 'unmarked'], undefined],
    ['linux/amd64', ['unknown/unknown'], undefined],
  ])('%s takes from %j', (wanted, offered, chosen) => {
    expect(choose(wanted, ...offered)).toBe(chosen);
  });
});

it('names what there is when nothing fits, but not the attestations', () => {
  const offered = ['linux/amd64', 'linux/arm/v7', 'unknown/unknown'].map(entry);
  const error = noSuchPlatform('x', offered, platform('linux/riscv64'));
  expect(error).toMatchObject({
    message: 'x has no image for linux/riscv64',
    hint: 'it has linux/amd64, linux/arm/v7',
  });
});

it('of this machine is in the words of Go', () => {
  expect(formatPlatform(hostPlatform())).toMatch(
    /^linux\/(amd64|arm64|arm|386|ppc64le|s390x|riscv64|loong64)$/,
  );
});

describe('as people write it', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['arm64', 'linux/arm64'],
    ['linux/x86_64', 'linux/amd64'],
    ['constructor', 'linux/constructor'],
  ])('%s is %s', (text, formatted) => {
    expect(formatPlatform(parsePlatform(text))).toBe(formatted);
  });

  it.each(['', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux/ARM', 'linux/amd64,linux/arm64'])(
    'is not %j',
    text => {
      expect(() => parsePlatform(text)).toThrow(`"${text}" is no platform`);
    },
  );
});
