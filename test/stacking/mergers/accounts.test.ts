import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MergeResult } from '../../../src/stacking/merger.ts';
import { accounts } from '../../../src/stacking/mergers/accounts.ts';
import { contentOf, merge, treeOf } from './views.ts';

const ROOT = 'root:x:0:0:root:/root:/bin/sh\n';

function user(name: string, uid: number, gid = uid): string {
  return `${name}:x:${uid}:${gid}::/home/${name}:/bin/sh\n`;
}

/** Merges one file of /etc of parts by name. */
function mergeFile(
  name: string,
  base: string,
  parts: Readonly<Record<string, string>>,
): Promise<MergeResult> {
  const path = `/etc/${name}`;
  const trees = Object.entries(parts).map(([part, text]) => [part, treeOf({ [path]: text })] as const);
  return merge(accounts, treeOf({ [path]: base }), Object.fromEntries(trees));
}

const textOf = (result: MergeResult, name: string) => contentOf(result, `/etc/${name}`)?.toString();

describe('accounts', () => {
  it('are those of all parts, the new ones behind those that were there', async () => {
    const result = await mergeFile('passwd', ROOT, { x: ROOT + user('a', 100), y: ROOT + user('b', 200) });
    expect(textOf(result, 'passwd')).toBe(ROOT + user('a', 100) + user('b', 200));
    expect(result.conflicts).toEqual([]);
  });

  it('stay removed, and have what one part changed', async () => {
    const before = ROOT + user('a', 100) + user('b', 200);
    const result = await mergeFile('passwd', before, {
      x: ROOT + user('b', 200),
      y: before.replace('root:/root:/bin/sh', 'root:/root:/bin/bash'),
    });
    expect(textOf(result, 'passwd')).toBe(ROOT.replace('/bin/sh', '/bin/bash') + user('b', 200));
    expect(result.conflicts).toEqual([]);
  });

  it('have every field as the part that changed it has it', async () => {
    const result = await mergeFile('passwd', ROOT, {
      x: ROOT.replace('/bin/sh', '/bin/bash'),
      y: ROOT.replace(':root:', ':Charlie:'),
    });
    expect(textOf(result, 'passwd')).toBe('root:x:0:0:Charlie:/root:/bin/bash\n');
    expect(result.conflicts).toEqual([]);
  });

  it('have a conflict where two parts changed a field, and what the last one says', async () => {
    const result = await mergeFile('passwd', ROOT, {
      x: ROOT.replace('/bin/sh', '/bin/bash'),
      y: ROOT.replace('/bin/sh', '/bin/zsh'),
    });
    expect(textOf(result, 'passwd')).toBe(ROOT.replace('/bin/sh', '/bin/zsh'));
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'account', path: '/etc/passwd', parts: ['x', 'y'] },
        text: 'user root: shell /bin/bash in x, /bin/zsh in y',
      },
    ]);
  });

  it('have a conflict where a name has two numbers', async () => {
    const result = await mergeFile('passwd', ROOT, {
      x: ROOT + user('a', 100, 1),
      y: ROOT + user('a', 101, 1),
    });
    expect(result.conflicts).toEqual([
      { kind: 'account', path: '/etc/passwd', parts: ['x', 'y'], text: 'user a: uid 100 in x, 101 in y' },
    ]);
  });

  it('have a conflict where a number has two names, and keep both', async () => {
    const result = await mergeFile('group', 'root:x:0:\n', {
      x: 'root:x:0:\none:x:101:\n',
      y: 'root:x:0:\ntwo:x:101:\n',
    });
    expect(textOf(result, 'group')).toBe('root:x:0:\none:x:101:\ntwo:x:101:\n');
    expect(result.conflicts).toEqual([
      { kind: 'account', path: '/etc/group', parts: ['x', 'y'], text: 'gid 101 is one in x, two in y' },
    ]);
  });

  it('have a conflict where one part gives the number of another one to a new name', async () => {
    const result = await mergeFile('passwd', ROOT + user('old', 100), {
      x: ROOT + user('old', 200) + user('new', 100),
      y: ROOT + user('old', 100) + user('more', 300),
    });
    expect(result.conflicts).toEqual([
      { kind: 'account', path: '/etc/passwd', parts: ['x', 'y'], text: 'uid 100 is new in x, old in y' },
    ]);
  });

  it('may share a number within one part', async () => {
    const twins = user('one', 100) + user('twin', 100);
    const result = await mergeFile('passwd', ROOT, { x: ROOT + twins, y: ROOT + user('b', 200) });
    expect(result.conflicts).toEqual([]);
  });

  it('are members of all groups that any part put them in, and of none that one took them out of', async () => {
    const result = await mergeFile('group', 'adm:x:4:a,b\n', { x: 'adm:x:4:a,b,c\n', y: 'adm:x:4:b,d\n' });
    expect(textOf(result, 'group')).toBe('adm:x:4:b,c,d\n');
    expect(result.conflicts).toEqual([]);
  });

  it('have passwords of which nobody reads in messages', async () => {
    const result = await mergeFile('shadow', 'root:*:19000:0:99999:7:::\n', {
      x: 'root:$6$one:19001:0:99999:7:::\n',
      y: 'root:$6$two:19002:0:99999:7:::\n',
    });
    expect(textOf(result, 'shadow')).toBe('root:$6$two:19002:0:99999:7:::\n');
    expect(result.conflicts.map(({ text }) => text)).toEqual(['user root: different passwords in x and y']);
  });

  it('do not differ by the day on which an image was built', async () => {
    const result = await mergeFile('shadow', '', {
      x: 'a:!:19001::::::\n',
      y: 'a:!:19002::::::\nb:!:19002::::::\n',
    });
    expect(textOf(result, 'shadow')).toBe('a:!:19002::::::\nb:!:19002::::::\n');
    expect(result.conflicts).toEqual([]);
  });

  it('have the administrators and members that any part gave a group', async () => {
    const result = await mergeFile('gshadow', 'g:!::\n', { x: 'g:!:a:m\n', y: 'g:!:b:n\n' });
    expect(textOf(result, 'gshadow')).toBe('g:!:a,b:m,n\n');
  });

  it('have subordinate ids of their own, or a conflict', async () => {
    const result = await mergeFile('subuid', '', {
      x: 'a:100000:65536\nb:300000:10\n',
      y: 'c:165535:1\nb:400000:10\n',
    });
    expect(textOf(result, 'subuid')).toBe('a:100000:65536\nb:300000:10\nc:165535:1\nb:400000:10\n');
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'account', path: '/etc/subuid', parts: ['x', 'y'] },
        text: 'the same ids: a:100000:65536 in x, c:165535:1 in y',
      },
    ]);
  });

  it('may have the shells of all parts', async () => {
    const before = '# /etc/shells\n/bin/sh\n/bin/old\n';
    const result = await mergeFile('shells', before, {
      x: `${before}/bin/zsh\n/usr/bin/zsh\n/usr/bin/zsh\n`,
      y: '# /etc/shells\n/bin/sh\n/bin/fish\n',
    });
    expect(textOf(result, 'shells')).toBe(
      '# /etc/shells\n/bin/sh\n/bin/zsh\n/usr/bin/zsh\n/usr/bin/zsh\n/bin/fish\n',
    );
  });

  it('keep lines of NIS and comments', async () => {
    const before = `# users\n${ROOT}+::::::\n`;
    const result = await mergeFile('passwd', before, {
      x: `# users\n${ROOT}${user('a', 100)}+::::::\n`,
      y: `# users\n${ROOT}${user('b', 200)}+::::::\n`,
    });
    expect(textOf(result, 'passwd')).toBe(`# users\n${ROOT}${user('a', 100)}${user('b', 200)}+::::::\n`);
  });

  it.each([
    ['passwd', 'root:x:0:0:root\n', 'line 1 is not understood'],
    ['passwd', `${ROOT}:x:1:1:::\n`, 'line 2 is not understood'],
    ['group', 'g:x:1:\ng:x:2:\n', 'it has two records of g'],
  ])('are not merged when %s has %j, but as the last part has them', async (name, odd, reason) => {
    const last = name === 'passwd' ? ROOT : 'last:x:3:\n';
    const result = await mergeFile(name, '', { x: odd, y: last });
    expect(textOf(result, name)).toBe(last);
    expect(result.conflicts).toEqual([
      { kind: 'merge', path: `/etc/${name}`, parts: ['x', 'y'], text: `cannot be merged: ${reason}` },
    ]);
  });

  it('have either of the files that programs keep as the last version', async () => {
    const result = await mergeFile('passwd-', ROOT, { x: ROOT + user('a', 100), y: ROOT + user('b', 200) });
    expect(result).toMatchObject({ files: [], conflicts: [], declined: [] });
  });

  it('keep the attributes that a part gave the file', async () => {
    const path = '/etc/shadow';
    const shadow = (text: string, mode: number, gid: number) =>
      treeOf({ [path]: text }, () => ({ mode, gid }));
    const result = await merge(accounts, shadow('', 0o640, 42), {
      x: shadow('a:!:1::::::\n', 0o600, 42),
      y: shadow('b:!:1::::::\n', 0o640, 42),
    });
    expect(result.files).toMatchObject([{ path, entry: { mode: 0o600, gid: 42 } }]);
    const disagreed = await merge(accounts, shadow('', 0o640, 42), {
      x: shadow('a:!:1::::::\n', 0o600, 42),
      y: shadow('b:!:1::::::\n', 0o640, 0),
    });
    expect(disagreed.conflicts).toEqual([
      { kind: 'attributes', path, parts: ['x', 'y'], text: 'mode 600 of 0:42 in x, mode 640 of 0:0 in y' },
    ]);
  });

  const some = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.constantFrom('/bin/sh', '/bin/zsh'));
  const passwd = (shells: Readonly<Record<string, string>>) =>
    Object.entries(shells)
      .map(([name, shell]) => `${name}:x:${name.charCodeAt(0)}:1::/:${shell}\n`)
      .join('');

  it('are what one part made of them when the other one changed nothing', async () => {
    await fc.assert(
      fc.asyncProperty(some, some, async (before, after) => {
        // A comment makes the part another file without other accounts.
        for (const parts of [
          { x: passwd(after), y: `${passwd(before)}# same\n` },
          { y: `${passwd(before)}# same\n`, x: passwd(after) },
        ]) {
          fc.pre(passwd(before) !== passwd(after));
          const result = await mergeFile('passwd', passwd(before), parts);
          const lines = textOf(result, 'passwd')?.replace('# same\n', '').split('\n').toSorted();
          expect(lines).toEqual(passwd(after).split('\n').toSorted());
          expect(result.conflicts).toEqual([]);
        }
      }),
    );
  });

  it('are the same in either order where nobody disagrees', async () => {
    await fc.assert(
      fc.asyncProperty(some, some, some, async (before, one, other) => {
        const apart = [...'abcdefgh'].every(
          name => one[name] === before[name] || other[name] === before[name] || one[name] === other[name],
        );
        fc.pre(apart);
        const [x, y] = [passwd(one), passwd(other)];
        const there = await mergeFile('passwd', passwd(before), { x, y });
        const back = await mergeFile('passwd', passwd(before), { y, x });
        expect(there.conflicts).toEqual([]);
        const sorted = (result: MergeResult) => textOf(result, 'passwd')?.split('\n').toSorted();
        expect(sorted(there)).toEqual(sorted(back));
      }),
    );
  });
});
