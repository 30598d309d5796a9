import { describe, expect, it } from 'vitest';
import type { Merger } from '../../../src/stacking/merger.ts';
import { certificates } from '../../../src/stacking/mergers/certificates.ts';
import { debconf } from '../../../src/stacking/mergers/debconf.ts';
import { derived } from '../../../src/stacking/mergers/derived.ts';
import { mergers } from '../../../src/stacking/mergers/index.ts';
import { libraryCache } from '../../../src/stacking/mergers/library-cache.ts';
import { lists } from '../../../src/stacking/mergers/lists.ts';
import { logs } from '../../../src/stacking/mergers/logs.ts';
import { systemd } from '../../../src/stacking/mergers/systemd.ts';
import { contentOf, merge, removedBy, treeOf, treeWithLinks } from './views.ts';

/** The text that a file gets of which two parts have other versions, and all that is said of it. */
async function mergeFile(merger: Merger, path: string, base: string, x: string, y: string) {
  const [before, one, other] = [base, x, y].map(text => treeOf({ [path]: text }));
  const result = await merge(merger, before ?? treeOf({}), { x: one ?? treeOf({}), y: other ?? treeOf({}) });
  return { ...result, text: contentOf(result, path)?.toString() };
}

describe('mergers', () => {
  it.each([
    ['/var/lib/dpkg/status', 'dpkg'],
    ['/var/lib/dpkg/status.d/base', 'dpkg'],
    ['/var/lib/apt/extended_states', 'dpkg'],
    ['/var/lib/dpkg/alternatives/editor', 'alternatives'],
    ['/etc/alternatives/editor', 'alternatives'],
    ['/var/lib/rpm/rpmdb.sqlite', 'rpm'],
    ['/lib/apk/db/installed', 'apk'],
    ['/var/lib/pacman/local/bash-5/desc', 'pacman'],
    ['/etc/passwd', 'accounts'],
    ['/etc/gshadow-', 'accounts'],
    ['/etc/ld.so.cache', 'library cache'],
    ['/etc/ssl/certs/ca-certificates.crt', 'certificates'],
    ['/etc/systemd/system/multi-user.target.wants/ssh.service', 'systemd'],
    ['/var/cache/debconf/config.dat', 'debconf'],
    ['/var/log/apt/history.log', 'logs'],
    ['/var/cache/apt/pkgcache.bin', 'derived files'],
    ['/usr/lib/python3/__pycache__/os.cpython-311.pyc', 'derived files'],
    ['/etc/hostname', undefined],
    ['/etc/passwd.bak', undefined],
    ['/srv/etc/passwd', undefined],
    ['/etc/ssl/certs/java/cacerts', undefined],
    ['/usr/share/glib-2.0/schemas/gschemas.compiled', undefined],
  ])('answer for %s: %s', (path, name) => {
    expect(mergers.find(merger => merger.answersFor(path))?.name).toBe(name);
  });

  it('have names of their own', () => {
    expect(new Set(mergers.map(({ name }) => name)).size).toBe(mergers.length);
  });
});

describe('bundles of certificates', () => {
  const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
  const certificate = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(certificate);

  it('have those that any part added, and none that one removed', async () => {
    const { text, conflicts } = await mergeFile(certificates, BUNDLE, `${a}${b}`, `${a}${b}${c}`, `${b}${d}`);
    expect(text).toBe(`${b}${c}${d}`);
    expect(conflicts).toEqual([]);
  });

  it('know a certificate whatever is remarked before it', async () => {
    const path = '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem';
    const { text } = await mergeFile(
      certificates,
      path,
      `# A\n${a}`,
      `# A\n${a}# B\n${b}`,
      `# The A\n${a}# C\n${c}`,
    );
    expect(text).toBe(`# The A\n${a}# B\n${b}# C\n${c}`);
  });

  it.each([
    ['something else', 'no certificates'],
    ['a block that does not end', `${a}-----BEGIN CERTIFICATE-----\nb\n`],
    ['a block that does not begin', `b\n-----END CERTIFICATE-----\n`],
  ])('are not merged when one is %s', async (_, odd) => {
    const { text, conflicts } = await mergeFile(certificates, BUNDLE, a ?? '', odd, `${a}${b}`);
    expect(text).toBe(`${a}${b}`);
    expect(conflicts).toMatchObject([{ kind: 'merge', path: BUNDLE, parts: ['x', 'y'] }]);
  });
});

describe('units of systemd', () => {
  const WANTED = '/etc/systemd/system/multi-user.target.wants/a.service';
  const ALIAS = '/etc/systemd/system/default.target';
  const link = (path: string, target: string) => treeWithLinks({}, { [path]: target });
  const agreed = { files: [], conflicts: [], declined: [] };

  it('stay enabled wherever the links to them lead', async () => {
    const parts = { x: link(WANTED, '/lib/systemd/system/a.service'), y: link(WANTED, '../a.service') };
    expect(await merge(systemd, treeOf({}), parts)).toMatchObject(agreed);
    const masked = { ...parts, y: link(WANTED, '/dev/null') };
    expect(await merge(systemd, treeOf({}), masked)).toMatchObject({ ...agreed, declined: [WANTED] });
  });

  it('stay disabled when a part has disabled them and another one has changed the link', async () => {
    const result = await merge(systemd, link(WANTED, '/lib/a.service'), {
      x: treeOf({}),
      y: link(WANTED, '/usr/lib/a.service'),
    });
    expect(removedBy(result)).toEqual([WANTED]);
    expect(result.declined).toEqual([]);
  });

  it('are one unit by its name', async () => {
    const of = (target: string) => link(ALIAS, target);
    const same = {
      x: of('/lib/systemd/system/graphical.target'),
      y: of('/usr/lib/systemd/system/graphical.target'),
    };
    expect(await merge(systemd, treeOf({}), same)).toMatchObject(agreed);
    const other = {
      x: of('/lib/systemd/system/graphical.target'),
      y: of('/lib/systemd/system/rescue.target'),
    };
    expect(await merge(systemd, treeOf({}), other)).toMatchObject({ ...agreed, declined: [ALIAS] });
    const masked = { x: of('/lib/systemd/system/graphical.target'), y: of('/dev/null') };
    expect(await merge(systemd, treeOf({}), masked)).toMatchObject({ ...agreed, declined: [ALIAS] });
  });

  it('that are files are decided like any file', async () => {
    const path = '/etc/systemd/system/a.service';
    const { files, declined } = await mergeFile(systemd, path, '', '[Unit]\n', '[Service]\n');
    expect({ files, declined }).toEqual({ files: [], declined: [path] });
  });

  it('are listed with all links that parts have made for them', async () => {
    const path = '/var/lib/systemd/deb-systemd-helper-enabled/a.service.dsh-also';
    const { text } = await mergeFile(systemd, path, '/etc/a\n', '/etc/a\n/etc/b\n', '/etc/a\n/etc/c\n');
    expect(text).toBe('/etc/a\n/etc/b\n/etc/c\n');
  });
});

describe('the library cache', () => {
  it('is made anew, and what ldconfig remembers is dropped', async () => {
    const [cache, memory] = ['/etc/ld.so.cache', '/var/cache/ldconfig/aux-cache'];
    const tree = (text: string) => treeOf({ [cache]: text, [memory]: text });
    const result = await merge(libraryCache, treeOf({}), { x: tree('x'), y: tree('y') });
    expect(result.regenerate).toEqual([{ command: ['/sbin/ldconfig', '-X'], makes: [cache] }]);
    expect(result.files).toEqual([{ kind: 'removed', path: memory }]);
  });
});

describe('answers to debconf', () => {
  const PATH = '/var/cache/debconf/config.dat';
  const question = (name: string, owners: string, value: string) =>
    `Name: ${name}\nTemplate: ${name}\nValue: ${value}\nOwners: ${owners}\n\n`;

  it('are those of all parts, with all packages that ask', async () => {
    const { text, conflicts } = await mergeFile(
      debconf,
      PATH,
      question('q', 'a', '1'),
      question('q', 'a, b', '1') + question('r', 'b', '2'),
      question('q', 'a, c', '1') + question('s', 'c', '3'),
    );
    expect(text).toBe(question('q', 'a, b, c', '1') + question('r', 'b', '2') + question('s', 'c', '3'));
    expect(conflicts).toEqual([]);
  });

  it('have a conflict that does not tell them', async () => {
    const path = '/var/cache/debconf/passwords.dat';
    const { text, conflicts } = await mergeFile(
      debconf,
      path,
      '',
      question('q', 'a', 'one'),
      question('q', 'a', 'two'),
    );
    expect(text).toBe(question('q', 'a', 'two'));
    expect(conflicts).toEqual([
      {
        ...{ kind: 'merge', path, parts: ['x', 'y'] },
        text: 'the debconf question q has different fields Value in x and y',
      },
    ]);
  });
});

describe('logs', () => {
  const PATH = '/var/log/dpkg.log';

  it('have what each part has added', async () => {
    const { text } = await mergeFile(logs, PATH, 'base\n', 'base\nx\n', 'base\ny\n');
    expect(text).toBe('base\nx\ny\n');
  });

  it('are as the last part has them when one began a new one', async () => {
    const { text, conflicts } = await mergeFile(logs, PATH, 'base\n', 'x\n', 'base\ny\n');
    expect({ text, conflicts }).toEqual({ text: 'base\ny\n', conflicts: [] });
  });

  it('are no conflict when a part has cleared them away, or when they are no text', async () => {
    const cleared = { x: treeOf({}), y: treeOf({ [PATH]: 'base\ny\n' }) };
    const nothing = { files: [], conflicts: [], declined: [] };
    expect(await merge(logs, treeOf({ [PATH]: 'base\n' }), cleared)).toMatchObject(nothing);
    expect(await mergeFile(logs, '/var/log/lastlog', '', 'x', 'y')).toMatchObject(nothing);
  });
});

describe('lists', () => {
  it.each([
    [
      '/var/lib/shells.state',
      '/bin/sh\n',
      '/bin/sh\n/bin/zsh\n',
      '/bin/sh\n/bin/fish\n',
      '/bin/sh\n/bin/zsh\n/bin/fish\n',
    ],
    ['/var/lib/ucf/hashfile', '', '00  /etc/a\n', '11  /etc/b\n', '00  /etc/a\n11  /etc/b\n'],
    ['/var/lib/ucf/hashfile', '', '00  /etc/a\n', '11  /etc/a\n', '11  /etc/a\n'],
    ['/var/lib/ucf/registry', '', 'p \t /etc/a\n', 'q \t /etc/b\n', 'p \t /etc/a\nq \t /etc/b\n'],
    ['/etc/ca-certificates.conf', '# c\na\nb\n', '# c\n!a\nb\n', '# c\na\nb\nd\n', '# c\n!a\nb\nd\n'],
  ])('%s is %j with %j and %j', async (path, base, x, y, expected) => {
    const { text, conflicts } = await mergeFile(lists, path, base, x, y);
    expect({ text: text?.split('\n').toSorted(), conflicts }).toEqual({
      text: expected.split('\n').toSorted(),
      conflicts: [],
    });
  });
});

describe('derived files', () => {
  it('are dropped where programs make them anew', async () => {
    const path = '/var/cache/apt/pkgcache.bin';
    expect(removedBy(await mergeFile(derived, path, '', 'x', 'y'))).toEqual([path]);
  });

  it('are either one where that will do', async () => {
    const result = await mergeFile(derived, '/etc/machine-id', '', 'x', 'y');
    expect(result).toMatchObject({ files: [], conflicts: [], declined: [] });
  });
});
