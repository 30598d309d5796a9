import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveProgress, type Output, openProgress } from '../../src/cli/progress.ts';
import type { BuildEvent } from '../../src/engine/index.ts';

const begun: BuildEvent = {
  kind: 'build-started',
  images: [{ image: 'one', needs: [], steps: 1, emit: true }],
};
const blob: BuildEvent = {
  kind: 'transfer-started',
  transfer: { id: 1, image: 'one', what: 'blob', name: 'sha256:abc', from: 'network', size: 5 },
};

/** A screen that understands what is written to it: what stays visible, line by line. */
class Screen {
  readonly lines: string[] = [''];
  columns = 80;
  rows = 24;
  redraws = 0;

  stream(isTTY = true): Output {
    const screen = this;
    return {
      isTTY,
      get columns() {
        return screen.columns;
      },
      get rows() {
        return screen.rows;
      },
      hasColors: () => false,
      write: (text: string | Uint8Array) =>
        screen.put(typeof text === 'string' ? text : Buffer.from(text).toString()),
    };
  }

  put(text: string): boolean {
    for (const piece of text.split(/(\u001b\[\d+A\u001b\[J|\n)/)) {
      const up = /^\u001b\[(\d+)A/.exec(piece)?.[1];
      if (up !== undefined) {
        this.redraws += 1;
        if (this.lines.at(-1) !== '') throw new Error('the cursor is not at the left edge');
        this.lines.splice(this.lines.length - 1 - Number(up), Number(up) + 1, '');
      } else if (piece === '\n') this.lines.push('');
      else if (piece !== '') {
        const rest = `${this.lines.pop()}${piece}`;
        for (let i = 0; i < rest.length; i += this.columns) this.lines.push(rest.slice(i, i + this.columns));
      }
    }
    return true;
  }
}

describe('live progress', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('stands below what scrolls, and leaves nothing but that', () => {
    const screen = new Screen();
    const progress = new LiveProgress(screen.stream());
    progress.follow(begun);
    progress.write('first\n');
    vi.advanceTimersByTime(100);
    expect(screen.lines[0]).toBe('first');
    expect(screen.lines[1]).toMatch(/^· one {2}waits/);
    expect(screen.lines[2]).toMatch(/^0 of 1 done/);
    progress.write('second\n');
    vi.advanceTimersByTime(300);
    expect(screen.lines.slice(0, 2)).toEqual(['first', 'second']);
    expect(screen.lines).toHaveLength(5);
    progress.write('third');
    progress[Symbol.dispose]();
    expect(screen.lines).toEqual(['first', 'second', 'third', '']);
    vi.advanceTimersByTime(1000);
    expect(screen.lines).toEqual(['first', 'second', 'third', '']);
  });

  it('waits while a line is only half written, and keeps the lines of two streams apart', () => {
    const screen = new Screen();
    const [terminal, other] = [screen.stream(), screen.stream()];
    const progress = new LiveProgress(terminal);
    progress.follow(begun);
    vi.advanceTimersByTime(100);
    progress.write('half', other);
    vi.advanceTimersByTime(500);
    expect(screen.lines).toEqual(['half']);
    progress.write(Buffer.from(' done\nhalf again'), other);
    progress.write('a line of ours\n');
    vi.advanceTimersByTime(100);
    expect(screen.lines.slice(0, 3)).toEqual(['half done', 'half again', 'a line of ours']);
    progress[Symbol.dispose]();
    expect(screen.lines).toEqual(['half done', 'half again', 'a line of ours', '']);
  });

  it('is away while a process has the terminal', () => {
    const screen = new Screen();
    const progress = new LiveProgress(screen.stream());
    progress.follow(begun);
    vi.advanceTimersByTime(100);
    progress.write('before\n');
    progress.follow({ kind: 'terminal-taken', image: 'one' });
    expect(screen.lines).toEqual(['before', '']);
    screen.put('$ typed\n');
    progress.write('meanwhile\n');
    vi.advanceTimersByTime(1000);
    expect(screen.lines).toEqual(['before', '$ typed', '']);
    progress.follow({ kind: 'terminal-released', image: 'one' });
    vi.advanceTimersByTime(100);
    expect(screen.lines.slice(0, 3)).toEqual(['before', '$ typed', 'meanwhile']);
    expect(screen.lines[3]).toMatch(/^· one {2}waits/);
    progress[Symbol.dispose]();
  });

  it('lets through at once what goes to a file or pipe', () => {
    const screen = new Screen();
    const file = new Screen();
    const progress = new LiveProgress(screen.stream());
    progress.write('text', file.stream(false));
    expect(file.lines).toEqual(['text']);
    progress[Symbol.dispose]();
    expect(screen.lines).toEqual(['']);
  });

  it('is drawn ten times a second at most', () => {
    const screen = new Screen();
    const progress = new LiveProgress(screen.stream());
    progress.follow(begun);
    for (let i = 0; i < 1000; i += 1) {
      progress.write(`${i}\n`);
      vi.advanceTimersByTime(1);
    }
    expect(screen.redraws).toBeLessThanOrEqual(10);
    progress[Symbol.dispose]();
    expect(screen.lines).toHaveLength(1001);
  });

  it('takes away all of a picture that was wrapped when the terminal became narrower', () => {
    const screen = new Screen();
    const progress = new LiveProgress(screen.stream());
    progress.follow({
      kind: 'build-started',
      images: [{ image: 'one', needs: ['x'.repeat(60)], steps: 1, emit: true }],
    });
    vi.advanceTimersByTime(100);
    const wrapped = screen.lines.flatMap(line => line.match(/.{1,30}/g) ?? ['']);
    screen.lines.splice(0, screen.lines.length, ...wrapped);
    screen.columns = 30;
    progress[Symbol.dispose]();
    expect(screen.lines).toEqual(['']);
  });

  it('says which blobs are copied', () => {
    const screen = new Screen();
    const progress = new LiveProgress(screen.stream());
    progress.follow(blob);
    progress[Symbol.dispose]();
    expect(screen.lines).toEqual(['Copying blob sha256:abc', '']);
  });
});

describe('progress that is no picture', () => {
  it('is a line for each blob with --progress, and nothing without', () => {
    for (const [progress, expected] of [
      [true, ['Copying blob sha256:abc', '']],
      [false, ['']],
      [undefined, ['']],
    ] as const) {
      const screen = new Screen();
      const plain = openProgress(progress === undefined ? {} : { progress }, screen.stream(false));
      plain.follow(begun);
      plain.follow(blob);
      plain[Symbol.dispose]();
      expect(screen.lines).toEqual(expected);
    }
  });
});
