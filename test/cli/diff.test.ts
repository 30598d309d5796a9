import { describe, expect, it } from 'vitest';
import { diffLines } from '../../src/cli/commands/diff-lines.ts';
import type { ImageDiff, PathDifference, PathState } from '../../src/engine/index.ts';

function diff(parts: Partial<ImageDiff>): ImageDiff {
  const layers = { from: 2, to: 3, shared: 1 };
  return { from: 'a', to: 'b', layers, paths: [], packages: [], config: [], ...parts };
}

function file(size: number, others: Partial<PathState> = {}): PathState {
  return { type: 'file', mode: '0644', uid: 0, gid: 0, size, sha256: '', ...others };
}

const DIRECTORY: PathState = { type: 'directory', mode: '0755', uid: 0, gid: 0 };

function added(path: string, after: PathState): PathDifference {
  return { change: 'added', path, after };
}

describe('the lines of diff', () => {
  it('say when there is nothing to say', () => {
    expect(diffLines(diff({}), false)).toEqual(['no differences; layers shared: 1 (of 2 and 3)']);
  });

  it('have packages, config and paths in aligned columns, and a summary', () => {
    const lines = diffLines(
      diff({
        packages: [
          { manager: 'dpkg', name: 'curl', change: 'installed', after: '8.0' },
          { manager: 'dpkg', name: 'libssl3', change: 'upgraded', before: '3.0.1', after: '3.0.2' },
          { manager: 'rpm', name: 'vim', change: 'removed', before: '9' },
        ],
        config: [
          { setting: 'cmd', before: '["sh"]' },
          { setting: 'environment', name: 'PATH', before: '/bin', after: '/bin:/opt' },
          { setting: 'label', name: 'new', after: 'x' },
        ],
        paths: [
          {
            change: 'changed',
            path: '/etc/passwd',
            what: ['content', 'mode', 'owner'],
            before: file(1200),
            after: file(2400, { mode: '0600', uid: 7 }),
          },
          { change: 'removed', path: '/gone', before: { ...DIRECTORY, type: 'symlink', link: 'x' } },
        ],
      }),
      false,
    );
    expect(lines).toEqual([
      'packages',
      '  + curl     8.0             dpkg',
      '  ~ libssl3  3.0.1 -> 3.0.2  dpkg, upgraded',
      '  - vim      9               rpm',
      '',
      'config',
      '  - cmd               ["sh"]',
      '  ~ environment PATH  /bin -> /bin:/opt',
      '  + label new         x',
      '',
      'paths',
      '  ~ /etc/passwd  content (1.2 kB -> 2.4 kB), mode (0644 -> 0600), owner (0:0 -> 7:0)',
      '  - /gone        -> x',
      '',
      '1 path changed, 1 removed; 1 package installed, 1 removed, 1 upgraded; 3 settings; layers shared: 1 (of 2 and 3)',
    ]);
  });

  it('show a new directory in place of all that is in it, and nothing of its neighbours', () => {
    const lines = diffLines(
      diff({
        paths: [
          added('/opt', DIRECTORY),
          added('/opt-x', file(5)),
          added('/opt/a', file(1000)),
          added('/opt/d', DIRECTORY),
          added('/opt/d/b', file(500)),
          added('/void', DIRECTORY),
        ],
      }),
      false,
    );
    expect(lines.slice(1, -2)).toEqual([
      '  + /opt/   2 files, 1.5 kB',
      '  + /opt-x  5 B',
      '  + /void/  empty',
    ]);
    expect(lines.at(-1)).toMatch(/^6 paths added;/);
  });

  it('are coloured on terminals, and let no name steer them', () => {
    const lines = diffLines(diff({ paths: [added('/\u001b[2J', file(1))] }), true);
    expect(lines[1]).toBe('\u001b[32m  + /\\x1b[2J  1 B\u001b[39m');
  });
});
