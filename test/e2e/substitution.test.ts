import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { failureOf, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('substitution', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  it("turns the manual's example into 1 2 3", async () => {
    const project = workspace.project();
    const run = 'echo $ONE ${{TWO}} ${{THREE:3}} >/out';
    await project.build({ one: { from: busybox, run } }, ['--substitute', 'ONE=1', '--substitute', 'TWO=2']);
    expect(await project.fileOf('one', 'out')).toBe('1 2 3\n');
  });

  it('knows all five forms, leaves shell forms alone, and replaces in comments too', async () => {
    const project = workspace.project();
    const text = [
      '# ${{A}}',
      'one:',
      `  from: ${JSON.stringify(busybox)}`,
      '  run: |',
      '    SHELL=s',
      '    echo ${{A}} $A ${A} ${A:no} ${{B:b}} ${{C:}}. ${SHELL} $SHELL ${SHELL:-x} $AB. >/out',
    ].join('\n');
    await project.build(text, ['--substitute', 'A=x,y z']);
    expect(await project.fileOf('one', 'out')).toBe('x,y z x,y z x,y z x,y z b . s s s .\n');
    const annotation = project.image('one').manifest.annotations?.['io.stackeroci.stacker.stacker_yaml'];
    expect(annotation?.startsWith('# x,y z\n')).toBe(true);
  });

  it('takes values from files, where the command line wins, and has the built-in directories', async () => {
    const project = workspace.project();
    project.write('subs.yaml', 'A: from file\nB: 1.10\n');
    const run = [
      'echo "${{A}}" "${{B}}" >/out',
      'echo ${{STACKER_OCI_DIR}} ${{STACKER_ROOTFS_DIR}} ${{STACKER_STACKER_DIR}} >>/out',
    ];
    await project.build({ one: { from: busybox, run } }, [
      ...['--substitute', 'A=from line', '--substitute-file', 'subs.yaml'],
    ]);
    const directories = ['oci', 'roots', '.stacker'].map(name => project.at(name)).join(' ');
    expect(await project.fileOf('one', 'out')).toBe(`from line 1.10\n${directories}\n`);
  });

  it('fails where a value is missing, with the place', async () => {
    const project = workspace.project();
    const text = 'one:\n  from: {type: scratch}\n  labels:\n    a: ${{MISSING}}\n';
    const message = await project.failure(text);
    expect(message).toContain('error: no value for substitution MISSING\n');
    expect(message).toContain('--> stacker.yaml:4:8\n');
  });

  it('can be strict about the old forms', async () => {
    const project = workspace.project();
    const text = 'one:\n  from: {type: scratch}\n  labels: {a: "$A", b: "${A}"}\n';
    const flags = ['--substitute', 'A=1', '--strict-substitution'];
    const { stderr, ...ended } = await project.tryBuild(text, flags);
    expect(stderr).toContain(
      '"A=1" was provided as a substitution and unsupported placeholder "${A}" was found. Replace "${A}" with "${{A}}" to use the substitution. (stacker.yaml:3:25)\n',
    );
    expect(failureOf({ stderr, ...ended })).toContain(
      'instances of unsupported placeholders found. Review log for how to update.',
    );
  });

  describe('prerequisites', () => {
    it('are built first, each once, and serve as bases and sources', async () => {
      const project = workspace.project();
      project.write('f', 'content of ${{NAME}}');
      project.write(
        'base/stacker.yaml',
        `base:\n  from: ${JSON.stringify(busybox)}\n  imports: [../f]\n  run: cp /stacker/imports/f /\${{NAME}}\n`,
      );
      project.write(
        'other/stacker.yaml',
        'config: {prerequisites: [../base/stacker.yaml]}\nother: {from: {type: built, tag: base}, run: touch /other}\n',
      );
      await project.build(
        [
          'config:',
          '  prerequisites: [other/stacker.yaml, base/stacker.yaml]',
          'app:',
          '  from: {type: built, tag: other}',
          '  imports: ["stacker://base/name"]',
          '  run: cmp /stacker/imports/name /name && touch /app',
        ].join('\n'),
        ['--substitute', 'NAME=name'],
      );
      expect(project.tags()).toEqual(['base', 'other', 'app']);
      expect(project.image('app').layers).toHaveLength(4);
    });

    it('in a circle are an error', async () => {
      const project = workspace.project();
      project.write('a/stacker.yaml', 'config: {prerequisites: [../b/stacker.yaml]}\n');
      project.write('b/stacker.yaml', 'config: {prerequisites: [../a/stacker.yaml]}\n');
      const message = failureOf(await project.ashlar(['build', '-f', 'a/stacker.yaml']));
      expect(message).toMatch(/^error: edge from .*stacker\.yaml to .*stacker\.yaml makes a cycle\n/);
    });

    it('with the same layer twice are an error', async () => {
      const project = workspace.project();
      project.write('b/stacker.yaml', 'one: {from: {type: scratch}}\n');
      const message = await project.failure(
        'config: {prerequisites: [b/stacker.yaml]}\none: {from: {type: scratch}}\n',
      );
      expect(message).toMatch(/^error: duplicate layer name: both .* and .* have one\n/);
    });
  });
});
