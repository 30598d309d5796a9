import { describe, expect, it } from 'vitest';
import { readDiskSize, readDuration, readSize } from '../../src/cli/quantities.ts';

describe('times', () => {
  it.each([
    ['0', 0],
    ['45s', 45_000],
    ['30m', 1_800_000],
    ['1.5h', 5_400_000],
    ['14d', 1_209_600_000],
    ['2w', 1_209_600_000],
  ])('%s is understood', (text, milliseconds) => expect(readDuration(text)).toBe(milliseconds));

  it.each(['', '14', 'd', '-1d', '1 day', '1d12h'])('"%s" is refused', text =>
    expect(() => readDuration(text)).toThrow('Expected a time like'),
  );
});

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['1000', 1000],
    ['10kB', 10_000],
    ['500MB', 500_000_000],
    ['1.5G', 1_500_000_000],
    ['2 TB', 2e12],
    ['1GiB', 2 ** 30],
    ['4Ki', 4096],
  ])('%s is understood', (text, bytes) => expect(readSize(text)).toBe(bytes));

  it.each(['', 'GB', '-1', '1XB', '1e9', 'ten'])('"%s" is refused', text =>
    expect(() => readSize(text)).toThrow('Expected a size like'),
  );
});

describe('sizes of disks', () => {
  it.each([
    ['4G', { kind: 'fixed', bytes: 4 * 2 ** 30 }],
    ['+512MB', { kind: 'content', additional: 512 * 2 ** 20 }],
    ['1.5GiB', { kind: 'fixed', bytes: 1.5 * 2 ** 30 }],
    ['+0', { kind: 'content', additional: 0 }],
  ])('%s is understood', (text, size) => expect(readDiskSize(text)).toEqual(size));

  it.each(['', '+', 'G', '-1G', '++1G'])('"%s" is refused', text =>
    expect(() => readDiskSize(text)).toThrow('Expected a size like'),
  );
});
