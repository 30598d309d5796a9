import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawView, type Picture } from '../../src/cli/view.ts';
import { ViewState } from '../../src/cli/view-state.ts';
import type { BuildEvent } from '../../src/engine/index.ts';
import { cells } from '../../src/support/cells.ts';

const picture: Picture = { width: 60, height: 12, color: false, now: 0, began: 0, frame: 0 };

const planned = (image: string, needs: readonly string[] = [], steps = 2) => ({
  image,
  needs,
  steps,
  emit: true,
});
const begun = (...images: readonly ReturnType<typeof planned>[]): BuildEvent => ({
  kind: 'build-started',
  images,
});
const started = (image: string): BuildEvent => ({ kind: 'image-started', image });
const step = (image: string, number: number, what: 'run' | 'copy' = 'run'): BuildEvent => {
  return { kind: 'step-started', image, step: number, of: 2, what, text: '' };
};
const ended = (image: string, number: number, cached: boolean): BuildEvent => {
  return { kind: 'step-finished', image, step: number, key: '', cached, layer: undefined };
};
const built = (image: string): BuildEvent => ({ kind: 'image-built', image });
const finished = (image: string, cached = false): BuildEvent => {
  return { kind: 'image-finished', image, emitted: true, cached, tags: [] };
};
const transfer = (id: number, image: string, size?: number) =>
  ({ id, image, what: 'blob', name: `sha256:${id}`, from: 'network', size }) as const;

function draw(events: readonly BuildEvent[], change: Partial<Picture> = {}): readonly string[] {
  const state = new ViewState();
  for (const [i, event] of events.entries()) state.follow(event, i * 1000);
  return drawView(state, { ...picture, now: events.length * 1000, ...change });
}

describe('the picture of a build', () => {
  it('has a line for every layer and one for the whole', () => {
    const lines = draw([
      begun(planned('base'), planned('tools'), planned('app', ['base', 'tools'])),
      started('base'),
      step('base', 1, 'copy'),
      ended('base', 1, true),
      step('base', 2),
      ended('base', 2, false),
      built('base'),
      finished('base'),
      started('tools'),
      step('tools', 1),
      { kind: 'packing', image: 'tools', bytes: 12_000_000 },
    ]);
    expect(lines).toEqual([
      '✔ base   done, 1 of 2 steps cached                      6.0s',
      '⠋ tools  step 1 of 2: run, packing 12 MB                3.0s',
      '· app    waits for tools',
      '1 of 3 done · 1 of 2 steps cached · 11.0s',
    ]);
  });

  it('tells what is being fetched, and how much has come in all', () => {
    const first = transfer(1, 'base', 8_000_000);
    const second = transfer(2, 'base', 2_000_000);
    const events: BuildEvent[] = [
      begun(planned('base')),
      started('base'),
      { kind: 'transfer-started', transfer: first },
      { kind: 'transfer-progress', transfer: first, bytes: 3_000_000 },
      { kind: 'transfer-started', transfer: second },
    ];
    expect(draw(events)[0]).toContain('base  preparing, fetching 3.0 MB of 10 MB');
    events.push({ kind: 'transfer-finished', transfer: first, bytes: 8_000_000 });
    expect(draw(events)[0]).toContain('fetching 0 B of 2.0 MB');
    expect(draw(events).at(-1)).toContain('8.0 MB downloaded');
    events.push({ kind: 'transfer-finished', transfer: second, bytes: 2_000_000 });
    expect(draw(events)[0]).not.toContain('fetching');
    expect(draw(events).at(-1)).toContain('10 MB downloaded');
  });

  it('says that an image failed, where, and that one was cached', () => {
    const lines = draw([
      begun(planned('a'), planned('b')),
      started('a'),
      step('a', 2),
      { kind: 'image-failed', image: 'a' },
      started('b'),
      built('b'),
      finished('b', true),
    ]);
    expect(lines[0]).toMatch(/^✘ a {2}failed in step 2 of 2 +2\.0s$/);
    expect(lines[1]).toMatch(/^✔ b {2}cached/);
  });

  it('leaves out what is done, then what waits, where there is no room', () => {
    const images = Array.from({ length: 20 }, (_, i) => `image${i}`);
    const lines = draw(
      [
        begun(...images.map(image => planned(image))),
        ...images.slice(0, 5).flatMap(image => [started(image), built(image), finished(image)]),
        started('image19'),
      ],
      { height: 5 },
    );
    expect(lines).toHaveLength(5);
    expect(lines.slice(0, 3).map(line => line.split(/\s+/)[1])).toEqual(['image5', 'image6', 'image19']);
    expect(lines[3]).toBe('  and 12 waiting, 5 done');
  });

  it('never takes more room than there is, whatever layers are called', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 2, max: 40 }),
        fc.boolean(),
        (names, width, height, color) => {
          const [first = '', second = ''] = names;
          const events = [
            begun(...names.map(image => planned(image, [first]))),
            started(first),
            step(first, 1),
            started(second),
          ];
          const lines = draw(events, { width, height, color });
          expect(lines.length).toBeLessThanOrEqual(height);
          for (const line of lines) expect(cells(stripVTControlCharacters(line))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('is nothing before there is a plan', () => {
    expect(draw([])).toEqual([]);
  });
});
