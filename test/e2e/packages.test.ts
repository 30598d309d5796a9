/** Packages installed and removed by real managers, from repositories in directories and without any network. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ImagePlan, PackagesStep, Step } from '../../src/plan/types.ts';
import { buildPacmanRepository } from '../packages/pacman-packages.ts';
import { buildRpms } from '../stacking/rpms.ts';
import { has } from '../support/tools.ts';
import { namesIn } from './images.ts';
import { at, type Built, buildImages, execStep, explained, imagePlan } from './plans.ts';
import { busyboxRoot } from './roots.ts';
import { type Project, useWorkspace } from './support.ts';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));

function packagesStep(url: string, rest: Partial<PackagesStep>): PackagesStep {
  return {
    kind: 'packages',
    manager: 'apt',
    repositories: [
      {
        ...{ alias: 'local-packages', type: undefined, url, urlKind: 'baseurl', at },
        ...{ components: [], architectures: [], checkRepository: false, keys: [] },
      },
    ],
    bootstrap: false,
    install: [],
    collections: [],
    ignore: [],
    uninstall: [],
    delete: [],
    recommended: false,
    excludeDocs: false,
    locales: [],
    checkSignatures: false,
    keys: [],
    createdBy: 'packages',
    failure: 'packages failed',
    at,
    ...rest,
  };
}

/** An image with these steps above a base. */
function planOf(tar: string | undefined, steps: readonly Step[]): ImagePlan {
  const base = tar && {
    base: { kind: 'tar', source: { kind: 'file', path: tar, at }, createdBy: 'root', at } as const,
  };
  return imagePlan('system', undefined, { ...base, steps });
}

/** Without network. */
function optionsOf({ store }: Project) {
  return { store, sourceDateEpoch: 1_700_000_000, network: 'none', compression: 'none' } as const;
}

function build(project: Project, tar: string | undefined, steps: readonly Step[]): Promise<Built> {
  return buildImages(project.path, [planOf(tar, steps)], optionsOf(project));
}

function explainedIn(project: Project, tar: string, steps: readonly Step[]): Promise<readonly string[]> {
  return explained(project.path, planOf(tar, steps), optionsOf(project));
}

function diffIds({ images }: Built): readonly string[] {
  return images.flatMap(({ layers }) => layers.map(({ diffId }) => diffId));
}

/** The names in the layers of an image that was built, the base's without. */
function namesAbove(project: Project, base = 1): readonly (readonly string[])[] {
  const { manifest } = project.image('system');
  return manifest.layers
    .slice(base)
    .map(({ digest }) => namesIn(join(project.oci, 'blobs/sha256', digest.slice('sha256:'.length))));
}

/** What no layer may have: the run's own files, and what differs from run to run. */
const LEAVINGS =
  /^(?:run\/.|tmp\/.|var\/(?:log|cache\/apt|cache\/ldconfig)\/.|var\/lib\/apt\/lists|etc\/(?:apt|resolv|hosts|.*-$)|.*policy-rc\.d|.*-old$|var\/lib\/dpkg\/lock)/;

describe.skipIf(!has('mmdebstrap', 'apt-get', 'gpg'))('packages of apt', () => {
  const workspace = useWorkspace();
  let root = '';
  let repository = '';
  beforeAll(() => {
    const printed = (name: string) => execFileSync(join(scripts, name), { encoding: 'utf8' }).trim();
    root = printed('debian-root');
    repository = printed('debian-packages');
  });
  const apt = (rest: Partial<PackagesStep>) => packagesStep(repository, rest);

  it('are the same layer however often they are installed, and are not installed again for a later step', async () => {
    const project = workspace.project();
    const install = apt({ install: ['bc', 'uuid-runtime'] });
    const first = await build(project, root, [install, execStep(['touch', '/one'])]);
    const [names = []] = namesAbove(project);
    expect(names).toEqual(expect.arrayContaining(['usr/bin/bc', 'usr/bin/uuidgen', 'var/lib/dpkg/status']));
    expect(names.filter(name => LEAVINGS.test(name))).toEqual([]);

    expect(await explainedIn(project, root, [install, execStep(['touch', '/one'])])).toEqual([]);
    const more = apt({ install: ['bc', 'plocate', 'uuid-runtime'] });
    const changes = await explainedIn(project, root, [more, execStep(['touch', '/one'])]);
    expect(changes.join()).toContain('plocate');

    const second = await build(project, root, [install, execStep(['touch', '/two'])]);
    expect(stepsCached(second)).toEqual([true, false]);

    const again = await build(workspace.project(), root, [underAnotherName(install)]);
    expect(stepsCached(again)).toEqual([false]);
    expect(diffIds(again)).toEqual(diffIds(first).slice(0, 2));
  });

  it('are removed alone by force, or with what only they need', async () => {
    const installed = ['dpkg-query', '-W', '-f', '[$' + '{Package} $' + '{db:Status-Status}]'];
    const built = await build(workspace.project(), root, [
      apt({ install: ['bc', 'plocate'] }),
      apt({ uninstall: ['plocate', 'absent'], delete: ['libreadline8'] }),
      execStep(installed),
    ]);
    const text = outputOf(built);
    expect(text).toContain('[bc installed]');
    expect(text).not.toMatch(/\[(?:plocate|liburing2|libreadline8) installed\]/);
  });

  it('that are not there cannot be removed', async () => {
    const building = build(workspace.project(), root, [apt({ delete: ['absent'] })]);
    await expect(building).rejects.toThrow('None of the requested packages to delete are installed');
  });

  it('come only from repositories that are signed with a key that was given', async () => {
    const { signed, keys } = signedCopy(repository, workspace.path);
    const [right = '', wrong = ''] = keys;
    const install = (key: string) => {
      const step = packagesStep(signed, { install: ['original-awk'] });
      const source = { kind: 'file', path: key, at } as const;
      const trusting = step.repositories.map(({ checkRepository: _, ...rest }) => ({
        ...rest,
        keys: [source],
      }));
      return build(workspace.project(), root, [{ ...step, repositories: trusting }]);
    };
    await expect(install(wrong)).rejects.toThrow('packages failed: exit status 100');
    const { images } = await install(right);
    expect(images[0]?.layers.length).toBe(2);
  });

  it('come from the apt of this machine where the tree has none; a repository that is not there is left out', async () => {
    const project = workspace.project();
    const [local] = apt({}).repositories;
    if (!local) throw new Error('a step without a repository');
    const away = { ...local, alias: 'away', url: join(project.path, 'away') };
    const { events } = await build(project, root, [
      apt({ delete: ['apt'] }),
      apt({ install: ['bc'], repositories: [away, local] }),
    ]);
    const [, names = []] = namesAbove(project);
    expect(names).toEqual(expect.arrayContaining(['usr/bin/bc', 'var/lib/dpkg/info/bc.list']));
    expect(names.filter(name => LEAVINGS.test(name))).toEqual([]);
    expect(events.filter(event => event.kind === 'message').map(({ text }) => text)).toContain(
      `the repository away is left out: there is no ${away.url}`,
    );
  });
});

describe.skipIf(!has('rpmbuild', 'createrepo_c', 'rpm', 'zypper', 'dnf', 'busybox'))(
  'packages of rpm',
  () => {
    const workspace = useWorkspace();
    let tar = '';
    let repository = '';
    beforeAll(() => {
      repository = join(workspace.path, 'repository');
      mkdirSync(repository);
      const files = buildRpms(join(workspace.path, 'build'), [
        { name: 'system', preamble: ['Provides: /bin/sh'] },
        { name: 'library' },
        {
          name: 'program',
          preamble: ['Requires: library', 'Recommends: extra'],
          post: 'echo $(id -u) >/dev/null && ls /proc/1/root/etc >/usr/share/program/seen',
        },
        { name: 'extra' },
      ]);
      for (const file of files) copyFileSync(file, join(repository, basename(file)));
      execFileSync('createrepo_c', ['--quiet', repository]);
      tar = busyboxRoot(workspace.path);
    });

    it.each(['zypper', 'dnf4'] as const)(
      'are installed and removed by the %s of this machine',
      async manager => {
        const project = workspace.project();
        const rpm = (rest: Partial<PackagesStep>) => packagesStep(repository, { manager, ...rest });
        const steps = [
          rpm({ install: ['system', 'program'], bootstrap: true }),
          rpm({ uninstall: ['program'], delete: ['absent', 'system'] }),
        ];
        const first = await build(project, tar, steps);
        const [installed = [], removed = []] = namesAbove(project);
        expect(installed).toEqual(
          expect.arrayContaining(
            ['program', 'library', 'system'].map(name => `usr/share/${name}/${name}.txt`),
          ),
        );
        expect(installed.filter(name => name.includes('extra') || LEAVINGS.test(name))).toEqual([]);
        for (const name of ['system', 'program'])
          expect(removed).toContain(`usr/share/${name}/.wh.${name}.txt`);

        const again = await build(workspace.project(), tar, steps.slice(0, 1).map(underAnotherName));
        expect(stepsCached(again)).toEqual([false]);
        expect(diffIds(again)).toEqual(diffIds(first).slice(0, 2));
      },
    );

    it('need a program for them', async () => {
      const step = packagesStep(repository, { manager: 'microdnf', install: ['system'] });
      await expect(build(workspace.project(), undefined, [step])).rejects.toThrow(
        'the tree has no microdnf, and this machine has no microdnf that could do its work',
      );
    });
  },
);

describe.skipIf(!has('pacman'))('packages of pacman', () => {
  const workspace = useWorkspace();
  let repository = '';
  beforeAll(() => {
    repository = join(workspace.path, 'repository');
    // The name of a repository of pacman is that of its database.
    for (const name of ['local-packages', 'other'])
      buildPacmanRepository(repository, name, [
        { name: 'system' },
        { name: 'library' },
        { name: 'program', depends: ['library'] },
      ]);
  });

  it('make a first system of nothing, and are removed, by the pacman of this machine', async () => {
    const project = workspace.project();
    const pacman = (rest: Partial<PackagesStep>) => packagesStep(repository, { manager: 'pacman', ...rest });
    const steps = [
      pacman({ install: ['system', 'program'], bootstrap: true }),
      pacman({ uninstall: ['program'], delete: ['absent', 'system'] }),
    ];
    const first = await build(project, undefined, steps);
    const [installed = [], removed = []] = namesAbove(project, 0);
    for (const name of ['program', 'library', 'system']) {
      expect(installed).toContain(`usr/share/${name}/${name}.txt`);
      expect(removed).toContain(`var/lib/pacman/local/.wh.${name}-1.0-1`);
    }
    expect(installed.filter(name => LEAVINGS.test(name) || name.includes('/sync'))).toEqual([]);

    const again = await build(workspace.project(), undefined, steps.slice(0, 1).map(underAnotherName));
    expect(stepsCached(again)).toEqual([false]);
    expect(diffIds(again)).toEqual(diffIds(first).slice(0, 1));
  });
});

/** A copy of a flat repository with a signature, and two keys, of which the first made it. */
function signedCopy(repository: string, directory: string) {
  const signed = join(directory, 'signed');
  cpSync(repository, signed, { recursive: true });
  const index = readFileSync(join(signed, 'Packages'));
  const sum = createHash('sha256').update(index).digest('hex');
  writeFileSync(
    join(signed, 'Release'),
    `Suite: test\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n ${sum} ${index.length} Packages\n`,
  );
  const keys = ['right', 'wrong'].map(name => {
    // Paths of sockets are short.
    const home = mkdtempSync(join(tmpdir(), 'gpg-'));
    const gpg = (...args: readonly string[]) =>
      execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    gpg('--quick-generate-key', name, 'ed25519', 'sign', 'never');
    gpg('--armor', '--output', join(directory, `${name}.asc`), '--export');
    if (name === 'right') gpg('--clearsign', '--output', join(signed, 'InRelease'), join(signed, 'Release'));
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    rmSync(home, { recursive: true, force: true });
    return join(directory, `${name}.asc`);
  });
  return { signed, keys };
}

/** The same step with another key. */
function underAnotherName(step: PackagesStep): PackagesStep {
  return { ...step, repositories: step.repositories.map(repository => ({ ...repository, alias: 'other' })) };
}

function stepsCached({ events }: Built): readonly boolean[] {
  return events.flatMap(event => (event.kind === 'step-finished' ? [event.cached] : []));
}

/** What the steps have printed. */
function outputOf({ events }: Built): string {
  return events
    .flatMap(event => (event.kind === 'output' ? [Buffer.from(event.bytes).toString()] : []))
    .join('');
}
