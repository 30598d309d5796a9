import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../../src/plan/types.ts';
import { built, imageCalled, onStash, preferences, rebuilt, stepCalled, stepNames } from './support.ts';

describe('what only a result sees', () => {
  it('is changed by the script of editbootconfig, which has its own name in the tree', async () => {
    const elements = [
      preferences('<type image="oem" filesystem="ext4" firmware="efi" editbootconfig="../x/edit.sh"/>'),
    ];
    const files = { 'edit_boot_config.sh': '' };
    const last = (plan: Plan) =>
      stepCalled(imageCalled(plan, 'n result').steps, 'run', 'editbootconfig').script;
    // Nobody looks for what the description of a tree calls it.
    expect(last(await rebuilt({ elements, files }))).toContain(' /image/edit_boot_config.sh ');
    await expect(rebuilt({ elements })).rejects.toThrow(
      'Specified script edit_boot_config.sh does not exist',
    );
    await expect(built({ elements, files })).rejects.toThrow('Specified script ../x/edit.sh does not exist');

    const beside = [
      preferences('<type image="oem" filesystem="ext4" firmware="efi" editbootconfig="s/edit.sh"/>'),
    ];
    const plan = await built({ elements: beside, files: { 's/edit.sh': '' } });
    const { items } = stepCalled(imageCalled(plan, 'n').steps, 'copy', 'files of the description');
    expect(items).toMatchObject([
      { source: { path: `${plan.directory}/s/edit.sh` }, target: '/image/edit_boot_config.sh' },
    ]);
    expect(last(plan)).toContain(' /image/edit_boot_config.sh ');
  });

  it('is made on top of the system, which stays as it is', async () => {
    const type = '<type image="oem" filesystem="ext4" firmware="efi" editbootconfig="edit.sh"/>';
    const plan = await built({
      elements: [preferences(type)],
      files: {
        'pre_disk_sync.sh': '',
        'disk.sh!': '',
        'edit.sh': '',
        'exclude_files.yaml': 'exclude: [usr/share/doc/*]',
      },
    });
    const result = imageCalled(plan, 'n result');
    expect(result.base).toMatchObject({ kind: 'built', image: 'n' });
    expect(stepNames(result.steps)).toEqual([
      'identity of the disk',
      'editbootconfig',
      'pre_disk_sync.sh',
      'disk.sh',
      'cleaning',
    ]);
    const edit = stepCalled(result.steps, 'run', 'editbootconfig');
    expect(edit.script).toBe("#!/bin/sh\ncd /\nexec bash --norc /image/edit_boot_config.sh 'ext4' '3'\n");
    expect(stepCalled(result.steps, 'setup', 'identity of the disk').changes).toEqual([
      { kind: 'machine-id' },
    ]);
    const removed = stepCalled(result.steps, 'setup', 'cleaning').changes;
    for (const path of ['/image', '/.kconfig', '/.profile', '/run/*', '/tmp/*', '/usr/share/doc/*'])
      expect(removed).toContainEqual({ kind: 'remove', path });
    expect(imageCalled(plan, 'n').outputs).toMatchObject([
      { kind: 'container', format: 'layout', file: 'build/image-root', names: ['n:latest'] },
    ]);
  });

  it('is one layer of a container', async () => {
    const config =
      '<containerconfig name="c" tag="1" additionalnames=":2,other:3,more"><entrypoint execute="/bin/a"><argument name="-b"/></entrypoint><expose><port number="80"/></expose><stopsignal>SIGQUIT</stopsignal><history author="H" created_by="B">why</history></containerconfig>';
    const plan = await built({
      elements: [preferences(`<type image="docker">${config}</type>`)],
      files: { 'config.sh': '' },
    });
    const result = imageCalled(plan, 'n result');
    expect(result.base).toEqual(onStash[0]);
    expect(result.squash).toEqual({
      groups: [{ steps: result.steps.length, createdBy: 'B' }],
      without: [],
    });
    expect(result.createdBy).toBe('B');
    expect(result.config).toMatchObject({
      entrypoint: ['/bin/a', '-b'],
      ports: ['80/tcp'],
      stopSignal: 'SIGQUIT',
      author: 'A',
      history: { author: 'H', comment: 'why' },
    });
    expect(result.outputs?.[0]).toMatchObject({
      kind: 'container',
      format: 'docker',
      file: 'n.x86_64-1.2.3.docker.tar',
      names: ['c:1', 'c:2', 'other:3', 'more:1'],
    });
  });

  it.each([
    ['tbz', 'tar.xz', 'root_archive'],
    ['cpio', 'cpio', 'root_archive'],
    ['ext4', 'ext4', 'filesystem_image'],
    ['xfs', 'xfs', 'filesystem_image'],
    ['erofs', 'erofs', 'filesystem_image'],
  ])('is called as KIWI calls it: %s', async (image, suffix, role) => {
    const plan = await built({ elements: [preferences(`<type image="${image}"/>`)] });
    const outputs = imageCalled(plan, 'n result').outputs ?? [];
    expect(outputs.map(({ file, role }) => [file, role])).toEqual([
      [`n.x86_64-1.2.3.${suffix}`, role],
      ['n.x86_64-1.2.3.packages', 'image_packages'],
      ['n.x86_64-1.2.3.changes', 'image_changes'],
      ['n.x86_64-1.2.3.verified', 'image_verified'],
    ]);
  });
});
