import { describe, expect, it } from 'vitest';
import { load } from './load.ts';

/** Ways of writing that people's files have, beyond what the documentation shows. */
describe('a file', () => {
  it('may have placeholders for the names of layers, with and without quotes', async () => {
    const text =
      '"${{NAME:app}}":\n  from: {type: scratch}\n${{OTHER}}:\n  from: {type: built, tag: "${{NAME:app}}"}\n';
    const { plan } = await load(text, { substitutions: ['OTHER=library/app'] });
    expect(plan.images.map(({ name }) => name)).toEqual(['app', 'library/app']);
  });

  it('may put addresses together from placeholders', async () => {
    const text =
      'l:\n' +
      '  from:\n' +
      '    type: docker\n' +
      '    url: ${{MIRROR}}debian:${{RELEASE:12}}\n' +
      '  imports:\n' +
      '    - path: ${{KEYS}}/\n' +
      '      dest: /keys/\n' +
      '    - ${{TOOL:https://host.example/tool-1.0.tar.gz}}\n' +
      '    - stacker://base/bin/tool-${{OS}}-${{ARCH}}${{EXT:}}\n' +
      'base:\n' +
      '  from: {type: scratch}\n';
    const substitutions = ['MIRROR=docker://mirror.example/', 'KEYS=/host/keys', 'OS=linux', 'ARCH=arm64'];
    const { plan, warnings } = await load(text, { substitutions });
    const image = plan.images.find(({ name }) => name === 'l');
    expect(warnings).toEqual([]);
    expect(image?.base).toMatchObject({ reference: 'docker://mirror.example/debian:12' });
    expect(image?.steps).toMatchObject([
      { kind: 'copy', items: [{ target: '/keys', source: { path: '/host/keys', directory: true } }] },
    ]);
    expect(image?.imports.map(({ name }) => name)).toEqual(['tool-1.0.tar.gz', 'tool-linux-arm64']);
  });

  it('may bind the directory that it is in, in several spellings', async () => {
    const text = (bind: string) => `l:\n  from: {type: scratch}\n  run: x\n  binds:\n    - ${bind}\n`;
    const source = async (bind: string) => {
      const { plan, directory } = await load(
        { 'a/b/stacker.yaml': text(bind) },
        { files: ['a/b/stacker.yaml'] },
      );
      return plan.images[0]?.shell.binds[0]?.source.replace(directory, '');
    };
    expect(await source('. -> /copy')).toBe('/a/b');
    expect(await source('./. -> /copy')).toBe('/a/b');
    expect(await source('../. -> /copy')).toBe('/a');
    expect(await source('../../../etc/../x -> /copy')).toMatch(/\/x$/);
  });

  it('may hold scripts with everything that shells and YAML both use', async () => {
    const script = [
      '',
      'pkgs=( )  # none yet',
      'pkgs=( "${pkgs[@]}" a )',
      'for d in ${TOP}/*; do base=${d##*/}; cp "$d" ${base:-x}; done',
      "cat > f <<'EOF'",
      '{ "key": [1, 2], "url": "http://${HOST}:$PORT" }',
      'EOF',
      '\tindented by a tab',
      '[ $# -eq 1 ] || { echo "$*: $(date)" 1>&2; exit 1; }',
      '',
    ].join('\n');
    const text = `l:\n  from: {type: scratch}\n  run: |\n${script.replace(/^(?=.)/gm, '    ')}`;
    const { plan } = await load(text, { substitutions: ['UNUSED=x'] });
    expect(plan.images[0]?.steps).toMatchObject([{ script: `#!/bin/sh -xe\n${script}` }]);
  });

  it('may write a command of a container as a line for a shell that is not there', async () => {
    const text = 'l:\n  from: {type: scratch}\n  full_command: cat a && sleep $(cat b)\n';
    expect((await load(text)).plan.images[0]?.config.entrypoint).toEqual([
      ...['cat', 'a', '&&', 'sleep', '$(cat', 'b)'],
    ]);
  });

  it('may name a file that is only there for others to build on', async () => {
    const files = {
      'app/stacker.yaml':
        'config:\n  prerequisites:\n    - ../mid/stacker.yaml\napp:\n  from: {type: built, tag: base}\n',
      'mid/stacker.yaml': 'config:\n  prerequisites:\n    - ../base/stacker.yaml\n',
      'base/stacker.yaml': 'base:\n  build_only: true\n  from: {type: scratch}\n',
    };
    const { plan } = await load(files, { files: ['app/stacker.yaml'] });
    expect(plan.images.map(({ name }) => name)).toEqual(['base', 'app']);
  });
});
