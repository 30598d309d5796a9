import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeTarget } from '../../../src/cli/cekit/target.ts';
import type { FileArtifact, TargetFile } from '../../../src/recipes/cekit/index.ts';

const at = { file: '/work/image.yaml', line: 1, column: 1 };
let root: string;
let target: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ashlar-target-'));
  target = join(root, 'deep', 'target');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const text = (path: string, text: string): TargetFile => ({ kind: 'text', path, text, at });

function file(path: string, content = ''): string {
  const absolute = join(root, path);
  mkdirSync(dirname(absolute), { recursive: true });
  writeFileSync(absolute, content);
  return absolute;
}

const artifactOf = (path: string): FileArtifact => ({
  ...{ kind: 'path', name: 'a', target: 'a', dest: '/', path, checksums: {}, at },
});

const write = (files: readonly TargetFile[], outside: readonly string[] = []) =>
  writeTarget(target, files, {
    outside,
    sources: {
      artifact: async artifact =>
        artifact.kind === 'path'
          ? artifact.path
          : artifact.kind === 'plain'
            ? (artifact.checksums.md5 ?? '')
            : '',
      repository: async () => join(root, 'nothing'),
    },
  });

describe('writing the target directory', () => {
  it('writes texts, files, and directories with their links', async () => {
    file('tree/sub/file', 'f');
    symlinkSync('sub/file', join(root, 'tree/link'));
    symlinkSync('tree/sub/file', join(root, 'named'));
    await write([
      text('image/Containerfile', 'FROM x\n'),
      { kind: 'directory', path: 'image/modules/m', directory: join(root, 'tree'), optional: false, at },
      { kind: 'artifact', path: 'image/a', artifact: artifactOf(join(root, 'named')), at },
      { kind: 'directory', path: 'image/extra', directory: join(root, 'missing'), optional: true, at },
    ]);
    expect(readFileSync(join(target, 'image/Containerfile'), 'utf8')).toBe('FROM x\n');
    expect(readFileSync(join(target, 'image/modules/m/sub/file'), 'utf8')).toBe('f');
    expect(lstatSync(join(target, 'image/modules/m/link')).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(target, 'image/a')).isFile()).toBe(true);
    expect(readdirSync(join(target, 'image')).sort()).toEqual(['Containerfile', 'a', 'modules']);
    expect(readdirSync(dirname(target))).toEqual(['target']);
  });

  it('puts a file into a directory of its own, and has a directory in the place of it', async () => {
    const artifact = (path: string, source: string): TargetFile => ({
      ...{ kind: 'artifact', path, file: 'a[1]', artifact: artifactOf(source), at },
    });
    await write([artifact('image/2', file('f', 'f')), artifact('image/3', dirname(file('tree/g')))]);
    expect(readdirSync(join(target, 'image/2'))).toEqual(['a[1]']);
    expect(readdirSync(join(target, 'image/3'))).toEqual(['g']);
  });

  it('makes files that were fetched readable for all, and leaves other modes', async () => {
    const [fetched, own] = [file('fetched'), file('own')];
    chmodSync(fetched, 0o400);
    chmodSync(own, 0o750);
    const plain: FileArtifact = { ...artifactOf(own), kind: 'plain', checksums: { md5: fetched } };
    await write([
      { kind: 'artifact', path: 'image/fetched', artifact: plain, at },
      { kind: 'artifact', path: 'image/own', artifact: artifactOf(own), at },
    ]);
    expect(statSync(join(target, 'image/fetched')).mode & 0o777).toBe(0o644);
    expect(statSync(join(target, 'image/own')).mode & 0o777).toBe(0o750);
  });

  it('tells of a place that cannot be written', async () => {
    file('deep');
    await expect(write([])).rejects.toThrow(`cannot write the target directory ${target}`);
  });

  it('replaces what it wrote before, and all of it', async () => {
    await write([text('old', 'x')]);
    await write([text('new', 'y')]);
    expect(readdirSync(target).sort()).toEqual(['.ashlar-target', 'new']);
  });

  it('leaves the old files where a new one cannot be had', async () => {
    await write([text('old', 'x')]);
    const missing = {
      kind: 'artifact',
      path: 'image/a',
      artifact: artifactOf(join(root, 'no')),
      at,
    } as const;
    await expect(write([text('new', 'y'), missing])).rejects.toThrow(`cannot copy ${join(root, 'no')}`);
    expect(readdirSync(target).sort()).toEqual(['.ashlar-target', 'old']);
    expect(readdirSync(dirname(target))).toEqual(['target']);
  });

  it.each([
    ['an empty directory', []],
    ["a directory of CEKit's", ['image.yaml', 'repo/modules/x', 'image/Dockerfile']],
  ])('replaces %s', async (_, paths) => {
    mkdirSync(target, { recursive: true });
    for (const path of paths) file(`deep/target/${path}`);
    await write([text('new', 'y')]);
    expect(readdirSync(target).sort()).toEqual(['.ashlar-target', 'new']);
  });

  it.each([
    ['a descriptor alone', ['image.yaml']],
    ['modules', ['image.yaml', 'modules/m/module.yaml']],
    ['something beside what CEKit writes', ['image.yaml', 'image/Dockerfile', 'notes.txt']],
  ])('refuses a directory with %s', async (_, paths) => {
    for (const path of paths) file(`deep/target/${path}`);
    await expect(write([text('new', 'y')])).rejects.toThrow('holds files that were not generated');
    for (const path of paths) expect(existsSync(join(target, path))).toBe(true);
  });

  it('refuses a file, a link, and a directory around what it is generated from', async () => {
    mkdirSync(join(target, 'project'), { recursive: true });
    await expect(write([], [join(target, 'project')])).rejects.toThrow('holds what it is generated from');
    await expect(write([], [target])).rejects.toThrow('holds what it is generated from');
    await rm(target, { recursive: true });
    symlinkSync(root, target);
    await expect(write([])).rejects.toThrow('is not a directory');
    await rm(target);
    file('deep/target');
    await expect(write([])).rejects.toThrow('is not a directory');
  });
});
