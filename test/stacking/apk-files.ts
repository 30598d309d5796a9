/** Databases of apk for tests, as apk writes them. */
import { writeSmallArchive } from '../../src/layers/index.ts';
import type { Files } from './mergers/views.ts';

export const APK_DB = '/lib/apk/db';

/** The files of a database of packages `name-version`; those whose names begin with `trigger` have one. */
export async function apkFiles(world: string, ...packages: readonly string[]): Promise<Files> {
  return {
    '/etc/apk/world': world,
    [`${APK_DB}/installed`]: packages.map(one => `${paragraph(one)}\n\n`).join(''),
    [`${APK_DB}/triggers`]: packages
      .filter(hasTrigger)
      .map(one => `${hash(one)} /usr/lib/${one} /etc\n`)
      .join(''),
    [`${APK_DB}/scripts.tar`]: await scripts(packages),
  };
}

export const hasTrigger = (name: string) => name.startsWith('trigger');

export function paragraph(name: string): string {
  const { name: bare = '', version = '' } = /^(?<name>.+)-(?<version>\d.*)$/.exec(name)?.groups ?? {};
  const head = [
    `C:${hash(name)}`,
    `P:${bare}`,
    `V:${version}`,
    'A:x86_64',
    'T:caf\u00e9',
    'D:so:libc.musl-x86_64.so.1',
  ];
  return [...head, 'F:usr', 'F:usr/bin', `R:${bare}`, 'a:0:0:755', 'Z:Q1abc='].join('\n');
}

export function hash(name: string): string {
  return `Q1${Buffer.from(name.padEnd(20, '.').slice(0, 20)).toString('base64')}`;
}

export function scripts(packages: readonly string[], form: (name: string) => string = hash): Promise<Buffer> {
  return writeSmallArchive(
    packages.map(name => {
      const content = Buffer.from(`#!/bin/sh\necho ${name}\n`);
      const entry = {
        path: `${name}.${form(name)}.post-install`,
        mode: 0o755,
        size: content.length,
        mtime: 10n ** 9n,
      };
      return { content, entry: { ...NO_ENTRY, ...entry } };
    }),
  );
}

const NO_ENTRY = { type: 'file', uid: 0, gid: 0, link: '', major: 0, minor: 0, xattrs: [] } as const;
