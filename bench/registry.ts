/** Images from and to a registry on this machine; the peer is skopeo. */
import { rmSync } from 'node:fs';
import { startRegistry } from '../test/support/registry.ts';
import { ashlarBuild } from './builds.ts';
import type { Fixtures } from './fixtures.ts';
import type { Stage } from './stage.ts';
import type { Contender, Workload } from './workload.ts';

const needs = ['docker-registry', 'skopeo'];

export function registry(stage: Stage, fixtures: Fixtures): readonly Workload[] {
  return [pulling(stage, fixtures), pushing(stage, fixtures)];
}

function pulling(stage: Stage, fixtures: Fixtures): Workload {
  return {
    name: 'pull',
    title: 'pull from a registry, cold store',
    needs,
    prepare: async () => {
      const { reference } = await fixtures.debianImage();
      const { host } = stage.own(await startRegistry());
      const url = `docker://${host}/debian:base`;
      await stage.run('skopeo', 'copy', '--dest-tls-verify=false', `oci:${reference}`, url);
      const layers = { debian: { from: { type: 'docker', url, insecure: true } } };
      const output = stage.path('pull-skopeo');
      const skopeo: Contender = {
        name: 'skopeo',
        prepare: () => void stage.cleared('pull-skopeo'),
        command: {
          program: 'skopeo',
          args: ['copy', '--quiet', '--src-tls-verify=false', url, `oci:${output}:debian`],
        },
      };
      return {
        contenders: [ashlarBuild(stage, 'pull', 'cold', () => ({ layers, hello: '' })), skopeo],
        targets: [],
      };
    },
  };
}

function pushing(stage: Stage, fixtures: Fixtures): Workload {
  return {
    name: 'push',
    title: 'push to an empty registry',
    needs,
    prepare: async () => {
      const { reference } = await fixtures.debianImage();
      const { host, storage } = stage.own(await startRegistry());
      const [from, to] = [`oci:${reference}`, `docker://${host}/debian:base`];
      // Few files, so they may go at once.
      const prepare = () => rmSync(storage, { recursive: true, force: true });
      return {
        contenders: [
          { name: 'ashlar', prepare, command: stage.child('copy', from, to) },
          {
            name: 'skopeo',
            prepare,
            command: { program: 'skopeo', args: ['copy', '--quiet', '--dest-tls-verify=false', from, to] },
          },
        ],
        targets: [],
      };
    },
  };
}
