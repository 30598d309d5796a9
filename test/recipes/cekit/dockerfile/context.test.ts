import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildContext, isBelow } from '../../../../src/recipes/cekit/dockerfile/context.ts';
import type { Artifact, Section } from '../../../../src/recipes/cekit/model.ts';
import { located, pathArtifact, section, stage } from '../stage.ts';

function names(artifacts: readonly Artifact[], modules: readonly Section[] = []) {
  const target = stage({ image: section({ artifacts }), modules });
  return buildContext({ builders: [], target }, { osbs: false });
}

const running = (name: string, directory: string, version = '1'): Section =>
  section({ name, version, directory, execute: [{ script: located('s'), user: located('root') }] });

describe('the directory of a Dockerfile', () => {
  it('keeps artifacts of one name but different sources apart, and files of one source together', () => {
    const artifacts = [
      pathArtifact('/1', 'x', '/a/'),
      pathArtifact('/2', 'x', '/b/'),
      pathArtifact('/1', 'x', '/c/'),
      pathArtifact('/3', 'x', '/d/'),
    ];
    const paths = ['x', 'artifacts/2/x', 'x', 'artifacts/3/x'];
    expect([...names(artifacts).artifacts.values()]).toEqual(paths.map(path => ({ path })));
  });

  it.each(['Dockerfile', 'Containerfile', '.dockerignore', 'modules', 'repos', 'osbs_extra'])(
    'moves an artifact called %s out of the way',
    name => {
      expect([...names([pathArtifact('/1', name)]).artifacts.values()]).toEqual([
        { path: `artifacts/2/${name}` },
      ]);
    },
  );

  it('has a directory for each file whose name would be a pattern', () => {
    const artifacts = [
      pathArtifact('/1', 'a[1]'),
      pathArtifact('/2', 'a?1?'),
      pathArtifact('/1', 'a[1]', '/b/'),
    ];
    expect([...names(artifacts).artifacts.values()]).toEqual([
      { path: 'artifacts/2', file: 'a[1]' },
      { path: 'artifacts/3', file: 'a?1?' },
      { path: 'artifacts/2', file: 'a[1]' },
    ]);
  });

  it('has one place for each module directory, also where one name is below another', () => {
    const modules = [running('a', '/1'), running('a/b', '/2'), running('a', '/3', '2'), running('a', '/1')];
    expect([...names([], modules).modules]).toEqual([
      ['/1', 'modules/a'],
      ['/2', 'modules/a-b-1'],
      ['/3', 'modules/a-2'],
    ]);
  });

  it('never has names that lead out of it, and never two sources under one', () => {
    const part = fc.constantFrom('a', '..', '.', '', 'b', 'modules', 'x y');
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'));
    fc.assert(
      fc.property(fc.array(path, { maxLength: 8 }), found => {
        const { modules } = names(
          [],
          found.map((name, i) => running(name, `/${i}`)),
        );
        const paths = [...modules.values()];
        expect(paths.filter(path => !isBelow(path))).toEqual([]);
        for (const a of paths) expect(paths.filter(b => `${a}/`.startsWith(`${b}/`))).toEqual([a]);
      }),
    );
  });

  it('knows paths that stay below a directory', () => {
    expect(['a', 'a/b', '.hidden', '..a', 'a b'].filter(path => !isBelow(path))).toEqual([]);
    expect(['', '.', '..', '/a', '../a', 'a/../b', 'a//b', 'a/', './a', 'a/..'].filter(isBelow)).toEqual([]);
  });
});
