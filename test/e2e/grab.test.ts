/** Files of built layers, copied out of them. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBusybox } from './roots.ts';
import { failureOf, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
const busybox = useBusybox(workspace);

const layers = {
  hidden: { from: busybox, build_only: true, run: 'echo hidden > /hidden' },
  thing: {
    from: { type: 'built', tag: 'hidden' },
    run: [
      'echo content > /file; chmod 4750 /file; chown 5:6 /file',
      'mkdir -p /dir/inner; echo a > /dir/a; echo b > /dir/inner/b; ln -s a /dir/link; chmod 700 /dir/inner',
      'echo secret > /closed; chmod 000 /closed; chown 7 /closed; mkfifo /pipe',
      'mkdir /real; echo through > /real/f; ln -s /real /way',
    ],
  },
};

let project: Project;
beforeAll(async () => {
  project = workspace.project();
  await project.build(layers);
});

let directories = 0;

/** A new directory to grab into. */
function place(): string {
  directories += 1;
  const directory = project.at(`here-${directories}`);
  mkdirSync(directory);
  return directory;
}

function grab(argument: string, directory: string) {
  return project.ashlar(['grab', argument], { cwd: directory, globals: ['--oci-dir', project.oci] });
}

describe('grab', () => {
  it('copies a file, which then belongs to who asked for it', async () => {
    const directory = place();
    writeFileSync(join(directory, 'other'), 'untouched');
    expect(await grab('thing:/file', directory)).toEqual({ status: 0, stdout: '', stderr: '' });
    const { uid, gid, mode } = lstatSync(join(directory, 'file'));
    expect([uid, gid]).toEqual([process.getuid?.(), process.getgid?.()]);
    expect((mode & 0o7777).toString(8)).toBe('750');
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('content\n');
    expect(readdirSync(directory).sort()).toEqual(['file', 'other']);
    expect(readFileSync(join(directory, 'other'), 'utf8')).toBe('untouched');
  });

  it('copies a directory with all that is in it', async () => {
    const directory = place();
    expect((await grab('thing:/dir/', directory)).status).toBe(0);
    const copy = join(directory, 'dir');
    expect(readdirSync(copy, { recursive: true }).sort()).toEqual(['a', 'inner', 'inner/b', 'link']);
    expect(readlinkSync(join(copy, 'link'))).toBe('a');
    expect(readFileSync(join(copy, 'inner/b'), 'utf8')).toBe('b\n');
  });

  it('replaces files of the same name, and leaves others in a directory of the same name alone', async () => {
    const directory = place();
    mkdirSync(join(directory, 'dir'));
    writeFileSync(join(directory, 'dir/a'), 'old');
    writeFileSync(join(directory, 'dir/mine'), 'mine');
    expect((await grab('thing:/dir', directory)).status).toBe(0);
    expect(readFileSync(join(directory, 'dir/a'), 'utf8')).toBe('a\n');
    expect(readFileSync(join(directory, 'dir/mine'), 'utf8')).toBe('mine');
    expect(readdirSync(directory)).toEqual(['dir']);
  });

  it('replaces a symbolic link instead of writing through it', async () => {
    const directory = place();
    writeFileSync(project.at('outside'), 'outside');
    symlinkSync('../outside', join(directory, 'file'));
    expect((await grab('thing:/file', directory)).status).toBe(0);
    expect(readFileSync(project.at('outside'), 'utf8')).toBe('outside');
    expect(lstatSync(join(directory, 'file')).isFile()).toBe(true);
  });

  it('copies out of layers that are for building only, and through links', async () => {
    const directory = place();
    expect(await grab('hidden:hidden', directory)).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(directory, 'hidden'), 'utf8')).toBe('hidden\n');
    expect(await grab('thing:/way/f', directory)).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(directory, 'f'), 'utf8')).toBe('through\n');
  });

  it('copies what only its owner could read', async () => {
    const directory = place();
    expect(await grab('thing:/closed', directory)).toMatchObject({ status: 0, stderr: '' });
    expect(lstatSync(join(directory, 'closed')).uid).toBe(process.getuid?.());
  });

  it.each([
    ['thing', /^error: invalid grab argument: thing\n/],
    [':/file', /^error: invalid grab argument: :\/file\n/],
    ['thing:', /^error: invalid grab argument: thing:\n/],
    ['thing:/', /^error: invalid grab argument: thing:\/\n/],
    ['nothing:/file', /^error: layer nothing has not been built\n/],
    ['thing:/no/such', /^error: there is no \/no\/such in the image\n/],
    ['thing:/pipe', /^error: \/pipe in the image is neither a file, a directory nor a symbolic link\n/],
  ])('%s is refused, and leaves nothing behind', async (argument, message) => {
    const directory = place();
    expect(failureOf(await grab(argument, directory))).toMatch(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('does not remove a directory for a file, nor a file for a directory', async () => {
    const directory = place();
    mkdirSync(join(directory, 'file'));
    writeFileSync(join(directory, 'dir'), 'mine');
    expect(failureOf(await grab('thing:/file', directory))).toMatch(
      /file is in the way: it is a directory\n/,
    );
    expect(failureOf(await grab('thing:/dir', directory))).toMatch(
      /dir is in the way: it is not a directory\n/,
    );
    expect(readdirSync(directory).sort()).toEqual(['dir', 'file']);
  });
});
