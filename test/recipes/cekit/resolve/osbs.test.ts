import { describe, expect, it } from 'vitest';
import { targetFiles } from '../../../../src/recipes/cekit/index.ts';
import { resolved } from '../resolved.ts';

const image = (osbs: string) => `name: i\nversion: '1'\nfrom: f\nosbs: ${osbs}\n`;

async function osbsOf(osbs: string, files: Readonly<Record<string, string>> = {}, more = {}) {
  const { description, cwd } = await resolved({ 'image.yaml': image(osbs), ...files }, more);
  const { at, extraDir, ...known } = description.target.osbs;
  return { ...known, extraDir: extraDir.replace(`${cwd}/`, '') };
}

describe('the section for OSBS', () => {
  it('has defaults', async () => {
    expect(await osbsOf('{}')).toEqual({ extraDir: 'osbs_extra', remoteSource: false });
  });

  it('says where it is built', async () => {
    const osbs =
      '{repository: {name: r, branch: b}, koji_target: k, extra_dir: e/x, extra_dir_target: /y, configuration: {container: {compose: {pulp_repos: true}, remote_source: {ref: 1.5}}}}';
    expect(await osbsOf(osbs)).toMatchObject({
      repository: { name: 'r', branch: 'b' },
      kojiTarget: 'k',
      extraDir: 'e/x',
      extraDirTarget: { text: '/y' },
      container: { compose: { pulp_repos: true }, remote_source: { ref: 1.5 } },
      remoteSource: true,
    });
  });

  it('may have files, which count from their descriptor', async () => {
    const files = {
      'o/v.yaml': 'osbs: {extra_dir: x, configuration: {container_file: c.yaml, gating_file: g.yaml}}',
      'o/c.yaml': 'compose: {pulp_repos: yes}\nremote_source: {repo: r}\n',
      'o/g.yaml': '--- !Policy\nid: x\n',
    };
    expect(await osbsOf('{}', files, { overrides: [{ kind: 'path', value: 'o/v.yaml' }] })).toEqual({
      container: { compose: { pulp_repos: true }, remote_source: { repo: 'r' } },
      gating: '--- !Policy\nid: x\n',
      extraDir: 'o/x',
      remoteSource: true,
    });
  });

  it.each(['container_file', 'gating_file'])('needs its %s', async key => {
    await expect(osbsOf(`{configuration: {${key}: nix}}`)).rejects.toMatchObject({
      message: expect.stringMatching(/^'\/.*\/nix' file not found!$/),
      at: { line: 4, column: 26 + key.length },
    });
  });

  it('cannot have two definitions of the container', async () => {
    await expect(osbsOf('{configuration: {container: {a: 1}, container_file: x}}')).rejects.toThrow(
      'You cannot specify container and container_file together!',
    );
  });
});

describe('images of one descriptor', () => {
  const stages = (configuration: string) =>
    `[${['a', 'b', 'c'].map(name => `{name: ${name}, version: 1, from: f, osbs: {configuration: ${configuration}}}`).join(',\n')}]`;
  const written = async (configuration: string) => {
    const { description } = await resolved({ 'image.yaml': stages(configuration), 'g.yaml': 'it\'s "x"' });
    return targetFiles(description, {
      osbs: true,
      version: '0',
      containerFile: 'Dockerfile',
      layers: 'one',
      literalValues: false,
      md5Of: async () => '',
    });
  };

  it('may build, but cannot say twice what OSBS is to know', async () => {
    await expect(written("{container: {a: [1, x'y, true, ~]}}")).rejects.toMatchObject({
      message: `Found multiple container definitions (${`[${Array(3).fill(`{'a': [1, "x'y", True, None]}`).join(', ')}]`})!`,
      at: { line: 1 },
    });
    await expect(written('{gating_file: g.yaml}')).rejects.toThrow(
      `Found multiple gating definitions (['it\\'s "x"', 'it\\'s "x"', 'it\\'s "x"'])!`,
    );
  });
});
