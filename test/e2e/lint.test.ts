import { describe, expect, it } from 'vitest';
import { useWorkspace } from './support.ts';

const questionable = 'l:\n  from: {type: scratch}\n  imports:\n    - http://host.example/file\n';

describe('lint', () => {
  const workspace = useWorkspace();

  it('shows what is questionable with its place and what to do, and ends well', async () => {
    const project = workspace.project();
    project.writeStackerFile(questionable);
    const { status, stdout, stderr } = await project.ashlar(['lint']);
    expect(stdout).toBe(
      'warning: http://host.example/file is downloaded without a hash [unpinned-download]\n' +
        '  --> stacker.yaml:4:7\n' +
        '  4 |     - http://host.example/file\n' +
        '    |       ^^^^^^^^^^^^^^^^^^^^^^^^\n' +
        'hint: add "hash" with its SHA-256, so that what is built stays the same\n' +
        '\n' +
        '0 errors, 1 warning\n',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('ends with 1 for warnings when it is asked to be strict', async () => {
    const project = workspace.project();
    project.writeStackerFile(questionable);
    expect((await project.ashlar(['lint', '--strict'])).status).toBe(1);
    project.writeStackerFile('l: {from: {type: scratch}}\n');
    const { status, stdout } = await project.ashlar(['lint', '--strict']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '0 errors, 0 warnings\n' });
  });

  it('shows the errors of all layers and ends with 1', async () => {
    const project = workspace.project();
    project.write('a.yaml', 'a: {from: {type: scratch}, frm: x}\nb: {from: {type: dokcer}}\n');
    const { status, stdout } = await project.ashlar(['lint', '-f', 'a.yaml']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^error: stackerfile: unknown directive frm\n {2}--> a\.yaml:1:28\n/);
    expect(stdout).toContain('\nerror: unknown layer type: dokcer\n  --> a.yaml:2:18\n');
    expect(stdout).toMatch(/\n2 errors, 0 warnings\n$/);
  });

  it('tells programs the same as JSON', async () => {
    const project = workspace.project();
    const file = project.writeStackerFile(questionable);
    const { stdout } = await project.ashlar(['lint', '--json']);
    expect(JSON.parse(stdout)).toEqual([
      {
        rule: 'unpinned-download',
        severity: 'warning',
        message: 'http://host.example/file is downloaded without a hash',
        at: { file, line: 4, column: 7, length: 24 },
        hint: 'add "hash" with its SHA-256, so that what is built stays the same',
      },
    ]);
  });
});

describe('schema', () => {
  const workspace = useWorkspace();

  it('prints a JSON schema', async () => {
    const { status, stdout, stderr } = await workspace.project().ashlar(['schema', 'stacker']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ title: 'stacker.yaml', type: ['object', 'null'] });
  });

  it('knows which formats there are', async () => {
    const { status, stderr } = await workspace.project().ashlar(['schema', 'other']);
    expect(status).toBe(1);
    expect(stderr).toContain('Allowed choices are stacker, cekit, cekit-module, cekit-overrides.');
  });
});

describe('the text of a stacker file', () => {
  const workspace = useWorkspace();

  it('is stored in the image, unless --no-stacker-yaml leaves it out', async () => {
    const project = workspace.project();
    const text = 'l: {from: {type: scratch}}\n';
    const annotations = async (...flags: readonly string[]) => {
      await project.build(text, flags);
      return project.image('l').manifest.annotations;
    };
    expect(await annotations()).toMatchObject({ 'io.stackeroci.stacker.stacker_yaml': text });
    expect(Object.keys((await annotations('--no-stacker-yaml')) ?? {})).toEqual([
      'io.stackeroci.stacker.stacker_version',
    ]);
  });
});
