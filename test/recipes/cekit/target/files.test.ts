import { describe, expect, it } from 'vitest';
import type { Artifact, Description } from '../../../../src/recipes/cekit/model.ts';
import { targetFiles } from '../../../../src/recipes/cekit/target/files.ts';
import { at, located, pathArtifact, section, stage } from '../stage.ts';

const url: Artifact = {
  ...{ kind: 'url', name: 'u', target: 'u.jar', dest: '/opt/', url: 'https://example.com/u.jar', at },
  checksums: { sha256: 'ab' },
};
const unchecked: Artifact = { ...url, target: 'v.jar', url: 'https://example.com/v.jar', checksums: {} };
const withSources: Artifact = {
  ...url,
  target: 'w.jar',
  origin: { url: located('https://example.com/w.tgz'), checksums: { md5: 'cd' } },
};
const pnc: Artifact = {
  ...{ kind: 'pnc', name: 'p', target: 'p.jar', dest: '/opt/', buildId: '1', artifactId: '2', at },
};

async function files(description: Description, osbs = false) {
  return targetFiles(description, {
    version: '0.0.0',
    layers: 'one',
    literalValues: false,
    osbs,
    containerFile: 'Containerfile',
    md5Of: async url => `md5 of ${url}`,
  });
}

async function texts(description: Description, osbs = false): Promise<Record<string, string>> {
  const all = await files(description, osbs);
  return Object.fromEntries(all.flatMap(file => (file.kind === 'text' ? [[file.path, file.text]] : [])));
}

describe('the target directory', () => {
  it('has the descriptor as it came out of overrides, sorted, with what is added to it', async () => {
    const effective = { version: '1.0', name: 'it', envs: [{ value: 'yes', name: 'A' }], labels: [] };
    const target = stage({ effective, description: located('D'), run: { cmd: [located('a')] } });
    expect((await texts({ builders: [], target }))['image.yaml']).toBe(
      `envs:
  - name: A
    value: "yes"
labels:
  - name: io.cekit.version
    value: 0.0.0
  - name: description
    value: D
  - name: summary
    value: D
name: it
run:
  cmd:
    - a
  user: root
version: "1.0"
`,
    );
  });

  it('has everything that the Dockerfile copies, once', async () => {
    const module = section({
      name: 'm',
      directory: '/work/modules/m',
      execute: [{ script: located('s'), user: located('root') }],
    });
    const builder = stage({
      modules: [module, section({ name: 'quiet', directory: '/work/modules/quiet' })],
    });
    const target = stage({
      modules: [module],
      repositories: [{ kind: 'url', name: 'r', fileName: 'r.repo', url: 'https://example.com/r', at }],
      image: section({ artifacts: [pathArtifact('/a', 'a'), url, pathArtifact('/a', 'a', '/more/')] }),
      osbs: { extraDir: '/work/more', extraDirTarget: located('/'), remoteSource: false },
      help: { add: true },
    });
    const found = await files({ builders: [builder], target });
    expect(found.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'text image.yaml',
      'text image/Containerfile',
      'text image/help.md',
      'artifact image/a',
      'artifact image/u.jar',
      'directory image/modules/m',
      'repository image/repos/r.repo',
      'directory image/more',
    ]);
  });

  it('has lists of what OSBS fetches, and not the files', async () => {
    const target = stage({
      image: section({ artifacts: [url, pnc, unchecked, withSources, pathArtifact('/a', 'a')] }),
      contentSets: { sets: { x86_64: ['s'] }, at },
      osbs: {
        extraDir: '/e',
        remoteSource: false,
        container: { compose: { pulp_repos: true } },
        gating: '--- !Policy\n',
      },
    });
    const description = { builders: [], target };
    const found = await texts(description, true);
    expect(found['image/fetch-artifacts-url.yaml']).toBe(`# Created by ashlar 0.0.0
- url: https://example.com/u.jar
  target: u.jar
  sha256: ab
- url: https://example.com/v.jar
  target: v.jar
  md5: md5 of https://example.com/v.jar
- url: https://example.com/u.jar
  target: w.jar
  sha256: ab
  source-url: https://example.com/w.tgz
  source-md5: cd
`);
    expect(found['image/fetch-artifacts-pnc.yaml']).toBe(`# Created by ashlar 0.0.0
metadata:
  author: ashlar 0.0.0
builds:
  - build_id: "1"
    artifacts:
      - id: "2"
        target: p.jar
`);
    expect(found['image/container.yaml']).toBe('compose:\n  pulp_repos: true\n');
    expect(found['image/gating.yaml']).toBe('--- !Policy\n');
    expect(found['image/content_sets.yml']).toBe('x86_64:\n  - s\n');
    const artifacts = (await files(description, true)).filter(({ kind }) => kind === 'artifact');
    expect(artifacts.map(({ path }) => path)).toEqual(['image/a']);
  });

  it('has sources for OSBS only with a checksum', async () => {
    const origin = { url: located('https://example.com/w.tgz'), checksums: {} };
    const target = stage({ image: section({ artifacts: [{ ...withSources, origin }] }) });
    await expect(files({ builders: [], target }, true)).rejects.toThrow(
      "Unable to add source-url for artifact 'u' as no checksum defined",
    );
    await expect(files({ builders: [], target })).resolves.not.toHaveLength(0);
  });

  it('has one container.yaml and one gating.yaml for all stages', async () => {
    const said = (more: object) => stage({ osbs: { extraDir: '/e', remoteSource: false, ...more } });
    const [container, gating] = [said({ container: { a: 1 } }), said({ gating: 'x' })];
    const found = await texts({ builders: [container, gating], target: stage() }, true);
    expect(found).toMatchObject({ 'image/container.yaml': 'a: 1\n', 'image/gating.yaml': 'x' });
    await expect(files({ builders: [container], target: container }, true)).rejects.toThrow(
      "Found multiple container definitions ([{'a': 1}, {'a': 1}])!",
    );
    await expect(files({ builders: [gating], target: gating }, true)).rejects.toThrow(
      "Found multiple gating definitions (['x', 'x'])!",
    );
  });

  it('has none of the files for OSBS otherwise', async () => {
    const osbs = { extraDir: '/e', remoteSource: false, container: {}, gating: 'x' };
    const found = await texts({ builders: [], target: stage({ osbs }) });
    expect(Object.keys(found)).toEqual(['image.yaml', 'image/Containerfile']);
  });

  it('refuses names that lead out of it', async () => {
    const repositories = [{ kind: 'url', name: 'r', fileName: '../../../r', url: 'x', at }] as const;
    await expect(files({ builders: [], target: stage({ repositories }) })).rejects.toThrow(
      'outside of the target directory',
    );
  });

  it('leaves to OSBS only what it may fetch', async () => {
    const target = stage({ image: section({ artifacts: [url, pnc] }) });
    const written = await targetFiles(
      { builders: [], target },
      {
        ...{ version: '0.0.0', layers: 'one', literalValues: false, osbs: true, containerFile: 'Dockerfile' },
        md5Of: async () => '',
        fetchDomains: ['https://other.example/'],
      },
    );
    const paths = written.map(({ path }) => path);
    expect(paths).toContain('image/u.jar');
    expect(paths).toContain('image/fetch-artifacts-pnc.yaml');
    expect(paths).not.toContain('image/fetch-artifacts-url.yaml');
  });
});
