import { describe, expect, it } from 'vitest';
import { type BuildEvent, BuildRecorder } from '../../src/engine/index.ts';

const layer = {
  digest: `sha256:${'d'.repeat(64)}`,
  diffId: `sha256:${'e'.repeat(64)}`,
  size: 7,
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** A recorder whose clock goes on by a second with every event. */
function recorded(events: readonly BuildEvent[]): BuildRecorder {
  let now = 0;
  const recorder = new BuildRecorder({ name: 'ashlar', version: '1.2.3' }, () => now);
  for (const event of events) {
    now += 1000;
    recorder.follow(event);
  }
  now += 1000;
  return recorder;
}

const begun: BuildEvent = {
  kind: 'build-started',
  images: [
    { image: 'one', needs: [], steps: 2, emit: true },
    { image: 'two', needs: ['one'], steps: 1, emit: false },
  ],
};
const transfer = {
  id: 1,
  image: 'one',
  what: 'blob',
  name: 'sha256:b',
  from: 'network',
  size: 10,
} as const;

const ofOne: readonly BuildEvent[] = [
  begun,
  { kind: 'image-started', image: 'one' },
  {
    kind: 'base-known',
    image: 'one',
    base: { kind: 'scratch', name: undefined, digest: undefined, layers: [] },
  },
  { kind: 'transfer-started', transfer },
  { kind: 'transfer-progress', transfer, bytes: 4 },
  { kind: 'step-started', image: 'one', step: 1, of: 2, what: 'copy', text: 'a copy' },
  { kind: 'step-finished', image: 'one', step: 1, key: 'key1', cached: true, layer },
  { kind: 'step-started', image: 'one', step: 2, of: 2, what: 'run', text: 'a script' },
];

describe('the report of a build', () => {
  it('tells of images, steps, transfers and sums', () => {
    const report = recorded([
      ...ofOne,
      { kind: 'step-finished', image: 'one', step: 2, key: 'key2', cached: false, layer },
      { kind: 'transfer-finished', transfer, bytes: 10 },
      { kind: 'message', image: 'one', level: 'warning', text: 'take care' },
      { kind: 'message', image: 'one', level: 'info', text: 'not this' },
      { kind: 'image-built', image: 'one' },
      {
        kind: 'image-finished',
        image: 'one',
        emitted: true,
        cached: false,
        tags: [{ tag: 'one', manifest: { mediaType: 'm', digest: layer.digest, size: 99 } }],
      },
    ]).report('built');
    expect(report).toMatchObject({
      form: 1,
      tool: { name: 'ashlar', version: '1.2.3' },
      outcome: 'built',
      time: { started: '1970-01-01T00:00:00.000Z', ended: '1970-01-01T00:00:15.000Z', milliseconds: 15_000 },
      downloads: [
        { name: 'sha256:b', image: 'one', bytes: 10, complete: true, time: { milliseconds: 6000 } },
      ],
      warnings: [{ image: 'one', text: 'take care' }],
      totals: {
        images: 2,
        cachedImages: 0,
        steps: 2,
        cachedSteps: 1,
        downloadedBytes: 10,
        writtenBytes: 7,
      },
    });
    expect(report).not.toHaveProperty('failure');
    expect(report.images).toMatchObject([
      {
        name: 'one',
        state: 'done',
        cached: false,
        time: { started: '1970-01-01T00:00:02.000Z', milliseconds: 11_000 },
        base: { kind: 'scratch' },
        steps: [
          {
            step: 1,
            kind: 'copy',
            text: 'a copy',
            key: 'key1',
            cached: true,
            time: { milliseconds: 1000 },
            layer,
          },
          { step: 2, kind: 'run', text: 'a script', key: 'key2', cached: false, layer },
        ],
        tags: [{ tag: 'one', manifest: layer.digest, size: 99 }],
      },
      { name: 'two', needs: ['one'], emit: false, state: 'waiting', steps: [], tags: [] },
    ]);
    expect(report.images[1]).not.toHaveProperty('time');
  });

  it('of a failure tells how far it went', () => {
    const report = recorded([...ofOne, { kind: 'image-failed', image: 'one' }]).report('failed', {
      message: 'no luck',
      causes: ['why'],
    });
    expect(report.failure).toEqual({ message: 'no luck', image: 'one', causes: ['why'] });
    expect(report.images[0]).toMatchObject({ state: 'failed', time: { milliseconds: 7000 } });
    expect(report.images[0]?.steps[1]).toEqual({
      step: 2,
      kind: 'run',
      text: 'a script',
      cached: false,
      time: { started: '1970-01-01T00:00:08.000Z', ended: '1970-01-01T00:00:10.000Z', milliseconds: 2000 },
    });
    expect(report.downloads).toMatchObject([{ bytes: 4, complete: false }]);
  });
});
