import { describe, expect, it } from 'vitest';
import { load } from './load.ts';

const buildEnvironment = 'docker://ubuntu:latest';

describe('the examples of the documentation', () => {
  it('an archive made in one layer is the content of another', async () => {
    const { plan, warnings } = await load(`
    build:
        from:
            type: docker
            url: docker://ubuntu:latest
        run: |
            touch /tmp/first
            touch /tmp/second
            tar -C /tmp -cv -f /contents.tar first second
        build_only: true
    contents:
        from:
            type: tar
            url: stacker://build/contents.tar
`);
    expect(warnings).toEqual([]);
    expect(plan.images).toMatchObject([
      {
        name: 'build',
        base: { kind: 'image', reference: buildEnvironment },
        steps: [
          {
            script:
              '#!/bin/sh -xe\ntouch /tmp/first\ntouch /tmp/second\ntar -C /tmp -cv -f /contents.tar first second\n',
          },
        ],
        emit: false,
      },
      {
        name: 'contents',
        base: { kind: 'tar', source: { kind: 'image', image: 'build', path: '/contents.tar' } },
        steps: [],
        emit: true,
      },
    ]);
  });

  it('what one layer writes through a bind mount is laid over a base without a shell', async () => {
    const { plan } = await load(`
    build:
        from:
            type: docker
            url: docker://ubuntu:latest
        binds:
            - /tmp/dir_to_overlay -> /dir_to_overlay
        run: |
            touch /dir_to_overlay/binaryfile
        build_only: true
    contents:
        from:
            type: docker
            url: docker://zothub.io/project-stacker/c3/base
        overlay_dirs:
            - source: /tmp/dir_to_overlay
              dest: /dir_to_overlay
`);
    expect(plan.images).toMatchObject([
      {
        steps: [
          {
            kind: 'run',
            surroundings: { binds: [{ source: '/tmp/dir_to_overlay', target: '/dir_to_overlay' }] },
          },
        ],
        after: [],
      },
      {
        base: { reference: 'docker://zothub.io/project-stacker/c3/base' },
        steps: [
          { kind: 'copy', items: [{ target: '/dir_to_overlay', source: { path: '/tmp/dir_to_overlay' } }] },
        ],
        after: ['build'],
      },
    ]);
  });

  it('binds in both forms, every variable let through', async () => {
    const { plan } = await load(
      `
l:
    from:
        type: docker
        url: $url
        insecure: true
    binds:
        - /foo/bar -> /bar/baz
        - /zomg
    build_env_passthrough: [".*"]
    run: env
`,
      { substitutions: ['url=docker://localhost:5000/a'] },
    );
    expect(plan.images).toMatchObject([
      {
        base: { reference: 'docker://localhost:5000/a', insecure: true },
        steps: [
          {
            surroundings: {
              binds: [
                { source: '/foo/bar', target: '/bar/baz' },
                { source: '/zomg', target: '/zomg' },
              ],
              environment: { passThrough: ['.*'] },
            },
          },
        ],
      },
    ]);
  });
});
