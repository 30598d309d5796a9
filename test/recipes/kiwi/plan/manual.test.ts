import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listKiwiTypes, readKiwi } from '../../../../src/recipes/kiwi/load.ts';
import { noChanges, parseRepository, resolveChanged } from '../../../../src/recipes/kiwi/plan/changes.ts';
import { type KiwiPlanOptions, noPackageChoice } from '../../../../src/recipes/kiwi/plan/options.ts';
import { planBuild } from '../../../../src/recipes/kiwi/plan/plan.ts';
import { resolveDescription } from '../../../../src/recipes/kiwi/resolve/description.ts';
import { AshlarError } from '../../../../src/support/errors.ts';
import { imageCalled, onStash, stepCalled, stepNames } from './support.ts';

const directory = fileURLToPath(new URL('../descriptions', import.meta.url));

const options: KiwiPlanOptions = {
  stack: onStash,
  platform: { os: 'linux', architecture: 'amd64' },
  environment: {},
  packages: noPackageChoice,
  keepsTree: true,
  warn: () => {},
};

describe('a description like that of the manual', () => {
  it('is planned in full: packages, a user, and a disk that starts with UEFI and with a BIOS', async () => {
    const source = await readKiwi({ directory, kiwiFile: 'leap-vm.kiwi' });
    const choice = { profiles: [], type: undefined, architecture: 'x86_64' };
    // What the manual leaves open.
    const setRepository = {
      ...parseRepository('http://repo.example/leap,rpm-md,Leap'),
      credentials: undefined,
    };
    const description = resolveChanged(source, choice, { ...noChanges, setRepository }, () => {});
    const plan = planBuild(description, options);
    const system = imageCalled(plan, 'Leap-VM');
    expect(stepNames(system.steps)).toEqual(['base', 'packages', 'description', 'system', 'chkstat']);
    expect(stepCalled(system.steps, 'packages', 'packages')).toMatchObject({
      manager: 'zypper',
      bootstrap: false,
      install: expect.arrayContaining(['grub2', 'grub2-x86_64-efi', 'kernel-default', 'shim']),
    });
    const result = imageCalled(plan, 'Leap-VM result');
    expect(result.outputs?.[0]).toMatchObject({
      kind: 'disk',
      file: 'Leap-VM.x86_64-1.99.1.raw',
      disk: {
        firmware: 'uefi',
        legacyBoot: true,
        table: 'gpt',
        root: { type: 'xfs' },
        grows: false,
        loader: 'grub',
      },
    });
  });
});

describe('what cannot be built of a description with many types', () => {
  it('is said for each of them, with its place', async () => {
    const source = await readKiwi({ directory, kiwiFile: 'variants.kiwi' });
    const said: string[] = [];
    for (const { profile, types } of listKiwiTypes(source, 'x86_64')) {
      for (const type of types) {
        const choice = { profiles: profile === null ? [] : [profile], type, architecture: 'x86_64' };
        const refused = refusalOf(() => planBuild(resolveDescription(source, choice), options));
        said.push(`${profile} ${type}: ${refused}`);
      }
    }
    expect(said).toEqual([
      'Disk oem: 28: btrfs_root_is_snapper_snapshot of <type>: snapshots are not made: leave it out, and set snapper up when the machine first starts',
      'Live iso: 41: <type image="iso">: ashlar does not build this type',
      'Box docker: 48: Conflicting image type setup detected: docker is there more than once',
      'Box tbz: 48: Conflicting image type setup detected: docker is there more than once',
    ]);
  });
});

function refusalOf(plan: () => unknown): string {
  try {
    plan();
  } catch (error) {
    if (error instanceof AshlarError) return `${error.at?.line}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was refused');
}
