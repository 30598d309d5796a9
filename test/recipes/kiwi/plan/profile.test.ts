import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileText, profileVariables } from '../../../../src/recipes/kiwi/plan/profile.ts';
import { describedIn, preferences } from './support.ts';

async function variablesOf(types: string, ...elements: readonly string[]) {
  return profileVariables(await describedIn({ elements: [preferences(types), ...elements] }));
}

describe('what scripts know of a description', () => {
  it('is its name, version, type, profiles and languages', async () => {
    const description = await describedIn({
      elements: [
        '<profiles><profile name="a" description="a"/><profile name="b" description="b"/></profiles>',
        preferences(
          '<type image="oem" filesystem="btrfs" firmware="uefi" kernelcmdline="quiet" btrfs_root_is_snapper_snapshot="true"/>',
          '<locale>en_US,de_DE</locale><keytable>us</keytable><timezone>UTC</timezone>',
        ),
        '<packages type="delete"><package name="b"/><package name="a"/></packages>',
      ],
      choice: { profiles: ['b', 'a'] },
    });
    expect(profileVariables(description)).toMatchObject({
      kiwi_iname: 'n',
      kiwi_displayname: 'n',
      kiwi_iversion: '1.2.3',
      kiwi_type: 'oem',
      kiwi_profiles: 'b,a',
      kiwi_language: 'en_US,de_DE',
      kiwi_keytable: 'us',
      kiwi_timezone: 'UTC',
      kiwi_cmdline: 'quiet',
      kiwi_firmware: 'uefi',
      kiwi_bootloader: 'grub2',
      kiwi_bootloader_console: 'default',
      kiwi_btrfs_root_is_snapshot: 'true',
      kiwi_delete: 'a b',
      kiwi_initrd_system: 'dracut',
      kiwi_install_volid: 'INSTALL',
      kiwi_align: '1048576',
      kiwi_target_blocksize: '512',
    });
  });

  it('has the elements of oemconfig, and consoles', async () => {
    const variables = await variablesOf(
      '<type image="oem" filesystem="ext4"><oemconfig><oem-systemsize>800</oem-systemsize><oem-swap>true</oem-swap><oem-resize>false</oem-resize></oemconfig><bootloader name="grub2" output_console="serial" timeout="1"/></type>',
    );
    expect(variables).toMatchObject({
      kiwi_oemrootMB: '800',
      kiwi_oemswap: 'true',
      kiwi_oemresize: 'false',
      kiwi_bootloader_console: 'serial:serial',
      kiwi_boot_timeout: '1',
    });
  });

  it('is sorted, and says nothing of what other types have', async () => {
    const variables = await variablesOf('<type image="tbz"/>');
    expect(Object.keys(variables)).toEqual(Object.keys(variables).toSorted());
    for (const name of ['kiwi_timezone', 'kiwi_install_volid']) expect(variables).not.toHaveProperty(name);
  });

  it('is empty where nothing is said of what all descriptions have', async () => {
    const text = profileText(await variablesOf('<type image="tbz"/>'));
    const names = ['profiles', 'cmdline', 'delete', 'btrfs_root_is_snapshot', 'boot_timeout', 'strip_libs'];
    const script = `set -u\n${text}${names.map(name => `echo "$kiwi_${name}"\n`).join('')}`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe('\n'.repeat(names.length));
  });

  it('is read by a shell as it is', () => {
    const text = fc.string({ unit: fc.constantFrom(...'aZ 0$`"\\\'&/;*?\n!é') });
    fc.assert(
      fc.property(text, value => {
        const script = `${profileText({ kiwi_x: value })}printf '%s.' "$kiwi_x"`;
        expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(`${value}.`);
      }),
      { numRuns: 15 },
    );
  });
});
