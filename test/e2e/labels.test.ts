/** generate_labels: files that a script writes become labels of the image, and nothing else of it stays. */
import { describe, expect, it } from 'vitest';
import { useBusybox } from './roots.ts';
import { type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
const busybox = useBusybox(workspace);

function labelsOf(project: Project, tag: string) {
  return project.image(tag).config.config?.Labels;
}

describe('generate_labels', () => {
  it('makes labels of the finished tree, untrimmed, and changes nothing of it', async () => {
    const project = workspace.project();
    const image = { from: busybox, run: 'echo 1.2.3 > /version' };
    await project.build({ thing: image });
    const { layers } = project.image('thing');
    const generate_labels = [
      'cp /version /oci-labels/version',
      'printf " a\\nb " > /oci-labels/spaced',
      ': > /oci-labels/empty',
      'rm /version; touch /tmp/left; echo said',
    ];
    await project.build({ thing: { ...image, generate_labels } });
    expect(labelsOf(project, 'thing')).toEqual({ version: '1.2.3\n', spaced: ' a\nb ', empty: '' });
    expect(project.image('thing').layers).toEqual(layers);
    expect(project.image('thing').config.history).toHaveLength(3);
  });

  it.each(['crun', 'runc', 'builtin'])(
    'has one directory under three names, imports, and two variables (%s)',
    async runtime => {
      const project = workspace.project();
      project.write('note', 'imported');
      const generate_labels = [
        'echo -n 1 > /oci-labels/one',
        'echo -n 2 > /stacker/oci-labels/two',
        'echo -n 3 > /.stacker/oci-labels/three',
        'cp $NOTE/note /oci-labels/note',
        'env > /oci-labels/environment',
        'ls -A /bound 2>/dev/null > /oci-labels/bound || true',
      ].join('\n');
      const common = { from: busybox, build_env: { SECRET: 'x' }, binds: ['shared -> /bound'] };
      project.write('shared/file', '');
      await project.build(
        {
          today: {
            ...common,
            imports: ['note'],
            generate_labels: `NOTE=/stacker/imports\n${generate_labels}`,
          },
          legacy: { ...common, import: ['note'], generate_labels: `NOTE=/stacker\n${generate_labels}` },
        },
        ['--runtime', runtime, '--no-cache'],
      );
      for (const tag of ['today', 'legacy']) {
        const { environment, ...labels } = labelsOf(project, tag) ?? {};
        expect(labels).toEqual({ one: '1', two: '2', three: '3', note: 'imported', bound: '' });
        const variables = environment
          ?.split('\n')
          .filter(line => /^(PATH|container|SECRET|STACKER|HOME)/.test(line));
        expect(variables?.sort()).toEqual([
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'container=lxc',
        ]);
      }
    },
  );

  it('yields to labels, wins over those of the base, and is inherited', async () => {
    const project = workspace.project();
    await project.build({
      base: { from: busybox, labels: { a: 'base', b: 'base', c: 'base' } },
      middle: {
        from: { type: 'built', tag: 'base' },
        generate_labels: 'for name in b c d; do printf generated > /oci-labels/$name; done',
        labels: { c: 'given' },
      },
      top: { from: { type: 'built', tag: 'middle' } },
    });
    const expected = { a: 'base', b: 'generated', c: 'given', d: 'generated' };
    expect(labelsOf(project, 'middle')).toEqual(expected);
    expect(labelsOf(project, 'top')).toEqual(expected);
  });

  it('is not run again until something that it sees has changed', async () => {
    const project = workspace.project();
    const file = (run: string) => ({
      thing: { from: busybox, run, generate_labels: 'echo generating; cp /made /oci-labels/made' },
    });
    const first = await project.build(file('echo 1 > /made'));
    expect(first.stdout).toContain('generating\n');
    const again = await project.build(file('echo 1 > /made'));
    expect(again.stdout).not.toContain('generating\n');
    expect(again.stderr).toContain('found cached layer thing\n');
    const changed = await project.build(file('echo 2 > /made'));
    expect(changed.stdout).toContain('generating\n');
    expect(labelsOf(project, 'thing')).toEqual({ made: '2\n' });
  });

  it('is part of what a layer is: a change of it is told and explained', async () => {
    const project = workspace.project();
    const file = (word: string) => ({
      thing: { from: busybox, generate_labels: `echo ${word} > /oci-labels/word` },
    });
    await project.build(file('one'));
    const explain = async () => (await project.ashlar(['explain'])).stdout;
    expect(await explain()).toBe('thing: up to date\n');
    project.writeStackerFile(file('two'));
    expect(await explain()).toMatch(/^thing: changed\n {2}labels: script changed\n.*one.*two/s);
    const { stderr } = await project.build(file('two'), ['--explain']);
    expect(stderr).toContain('cache miss because layer definition was changed\n');
    expect(stderr).toContain('labels: script changed\n');
    expect(await explain()).toBe('thing: up to date\n');
    project.writeStackerFile({ thing: { from: busybox } });
    expect(await explain()).toBe('thing: changed\n  labels: removed\n');
  });

  it('fails like run', async () => {
    const project = workspace.project();
    const message = await project.failure({ thing: { from: busybox, generate_labels: 'exit 5' } });
    expect(message).toMatch(
      /^error: generate_labels commands failed for image "thing" in "stacker.yaml": execute failed: exit status 5\n.*stacker\.yaml:\d+/s,
    );
  });

  it.each([
    ['ln -s /etc/passwd /oci-labels/link', 'the label link is not a file'],
    ['mkdir /oci-labels/directory', 'the label directory is not a file'],
    ["printf '\\377' > /oci-labels/bytes", 'the label bytes is not text in UTF-8'],
  ])('%s is refused', async (script, message) => {
    const project = workspace.project();
    expect(await project.failure({ thing: { from: busybox, generate_labels: script } })).toContain(
      `error: ${message}\n`,
    );
  });
});
