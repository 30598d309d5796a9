import { describe, expect, it } from 'vitest';
import { Reporter } from '../../src/cli/reporter.ts';
import type { BuildEvent } from '../../src/engine/index.ts';

function transcript(events: readonly BuildEvent[], end = true): string[] {
  const lines: string[] = [];
  const reporter = new Reporter(
    (level, text) => lines.push(level === 'debug' ? `(${text})` : text),
    bytes => lines.push(`> ${Buffer.from(bytes).toString()}`),
  );
  for (const event of events) reporter.report(event);
  if (end) reporter.end();
  return lines;
}

const started = (image: string): BuildEvent => ({ kind: 'image-started', image });
const output = (image: string, text: string): BuildEvent => ({
  kind: 'output',
  image,
  bytes: Buffer.from(text),
});
const built = (image: string): BuildEvent => ({ kind: 'image-built', image });
const finished = (image: string, cached = false, emitted = true): BuildEvent => ({
  kind: 'image-finished',
  image,
  cached,
  emitted,
  tags: emitted
    ? [{ tag: image, manifest: { mediaType: 'm', digest: `sha256:${'0'.repeat(64)}`, size: 1 } }]
    : [],
});

describe('the reporter', () => {
  it('keeps together what belongs to one image, and says the closing lines at the end', () => {
    expect(
      transcript([
        started('a'),
        started('b'),
        output('b', 'b1'),
        output('a', 'a1'),
        output('b', 'b2'),
        built('b'),
        output('a', 'a2'),
        built('a'),
        finished('a'),
        finished('b', true),
      ]),
    ).toEqual([
      'preparing image a...',
      '> a1',
      '> a2',
      'preparing image b...',
      '> b1',
      '> b2',
      'filesystem a built successfully',
      'found cached layer b',
    ]);
  });

  it('lets the next image speak live when the first has finished', () => {
    const lines = transcript(
      [started('a'), started('b'), output('b', 'b1'), built('a'), output('b', 'b2')],
      false,
    );
    expect(lines).toEqual(['preparing image a...', 'preparing image b...', '> b1', '> b2']);
  });

  it('says nothing at the end of an image that is only built on', () => {
    expect(transcript([started('a'), built('a'), finished('a', false, false)])).toEqual([
      'preparing image a...',
    ]);
  });

  it('does not lose what an image said that never finished', () => {
    expect(transcript([started('a'), started('b'), output('b', 'last words')])).toContain('> last words');
  });

  it('holds back a limited amount only', () => {
    const lines = transcript([started('a'), started('b'), output('b', 'x'.repeat(5 * 1024 * 1024))], false);
    expect(lines).toHaveLength(3);
  });

  it('shows what a failed image said before its shell has the terminal, and tells the rest afterwards', () => {
    const taken: BuildEvent = { kind: 'terminal-taken', image: 'b' };
    const before = [started('a'), output('a', 'a1'), started('b'), output('b', 'b1'), taken];
    const during = [output('a', 'a2'), started('c'), built('a')];
    const quiet = transcript([...before, ...during], false);
    expect(quiet).toEqual(['preparing image a...', '> a1', 'preparing image b...', '> b1']);
    const released: BuildEvent = { kind: 'terminal-released', image: 'b' };
    const all = transcript([...before, ...during, released], false);
    expect(all.slice(quiet.length)).toEqual(['> a2']);
  });
});
