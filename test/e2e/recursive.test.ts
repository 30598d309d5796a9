import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failureOf, type Project, useWorkspace } from './support.ts';

describe('recursive-build', () => {
  const workspace = useWorkspace();

  /** A file that describes one image without anything in it. */
  function describeImage(project: Project, path: string, name: string, rest: object = {}): void {
    project.writeStackerFile({ [name]: { from: { type: 'scratch' }, labels: { is: name } }, ...rest }, path);
  }

  it('builds all files below the current directory, in the order of their paths', async () => {
    const project = workspace.project();
    describeImage(project, 'b/stacker.yaml', 'b');
    describeImage(project, 'a/deep/stacker.yaml', 'a');
    describeImage(project, 'stacker.yaml', 'top');
    describeImage(project, 'a/other.yaml', 'other');
    describeImage(project, 'a/my-stacker.yaml', 'mine');
    const { status, stderr } = await project.ashlar(['recursive-build']);
    expect(status, stderr).toBe(0);
    expect(project.tags()).toEqual(['a', 'b', 'top']);
    expect(stderr).toMatch(/filesystem top built successfully\n$/);
  });

  it('builds prerequisites first, each file once', async () => {
    const project = workspace.project();
    describeImage(project, 'z/stacker.yaml', 'base');
    const child = { child: { from: { type: 'built', tag: 'base' } } };
    project.writeStackerFile(
      { config: { prerequisites: ['../z/stacker.yaml'] }, ...child },
      'a/stacker.yaml',
    );
    await project.ashlar(['recursive-build']);
    expect(project.tags()).toEqual(['base', 'child']);
  });

  it('looks below --search-dir for files whose path matches --stacker-file-pattern', async () => {
    const project = workspace.project();
    describeImage(project, 'a/one.yml', 'one');
    describeImage(project, 'a/two.yml', 'two');
    describeImage(project, 'b/one.yml', 'elsewhere');
    const { status } = await project.ashlar(['recursive-build', '-d', 'a', '-p', '^a/o.*\\.yml$']);
    expect(status).toBe(0);
    expect(project.tags()).toEqual(['one']);
    await project.ashlar(['recursive-build', '--search-dir', 'b', '--stacker-file-pattern', 'yml$']);
    expect(project.tags()).toEqual(['one', 'elsewhere']);
  });

  it('does not follow symbolic links, nor look into what builds leave behind', async () => {
    const project = workspace.project('own');
    describeImage(project, 'own/stacker.yaml', 'own');
    const outside = workspace.project();
    describeImage(outside, 'stacker.yaml', 'outside');
    symlinkSync(outside.path, project.at('link'));
    mkdirSync(project.at('linked'));
    symlinkSync(outside.at('stacker.yaml'), project.at('linked/stacker.yaml'));
    for (const directory of ['roots/x', '.stacker/x', 'oci/x', 'store/x'])
      describeImage(project, `${directory}/stacker.yaml`, directory.replaceAll(/\W/g, ''));
    const { stderr } = await project.ashlar(['recursive-build', '--order-only']);
    expect(stderr).toBe(`stacker build order:\n0 build ${project.at('own/stacker.yaml')}: requires: []\n`);
    const elsewhere = await project.ashlar(['recursive-build', '--order-only'], {
      globals: ['--roots-dir', 'elsewhere'],
    });
    expect(elsewhere.stderr).toContain(project.at('roots/x/stacker.yaml'));
  });

  it('takes the flags of build', async () => {
    const project = workspace.project();
    project.write('a/stacker.yaml', 'one: {from: {type: scratch}, labels: {a: "${{A}}"}}\n');
    await project.ashlar(['recursive-build', '--substitute', 'A=b']);
    expect(project.image('one').config.config?.Labels).toEqual({ a: 'b' });
  });

  it('says what is wrong: no such directory, no regular expression, nothing found', async () => {
    const project = workspace.project();
    const failure = async (...flags: readonly string[]) =>
      failureOf(await project.ashlar(['recursive-build', ...flags]));
    expect(await failure('-d', 'none')).toContain("error: couldn't search for stacker files in none\n");
    expect(await failure('-p', '(')).toContain(
      'error: --stacker-file-pattern is not a regular expression: (',
    );
    const { status, stderr } = await project.ashlar(['recursive-build']);
    expect(status).toBe(0);
    expect(stderr).toBe('no file below . matches \\/stacker.yaml$\n');
    expect(existsSync(project.oci)).toBe(false);
  });
});
