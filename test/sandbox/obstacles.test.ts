import { describe, expect, it } from 'vitest';
import { type Host, namespaceObstacle } from '../../src/sandbox/obstacles.ts';

function host(files: Readonly<Record<string, string>> = {}, other: Partial<Host> = {}): Host {
  return { uid: 1000, kernel: '6.1.0-13-amd64', read: path => files[path], ...other };
}

describe('an obstacle to namespaces', () => {
  it('is none on a machine that says nothing against them', () => {
    expect(namespaceObstacle(host())).toBeUndefined();
    expect(
      namespaceObstacle(
        host({
          '/proc/sys/user/max_user_namespaces': '15000',
          '/proc/sys/kernel/unprivileged_userns_clone': '1',
          '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '0',
          '/proc/self/attr/current': 'unconfined',
        }),
      ),
    ).toBeUndefined();
  });

  it('is a limit of zero, with the setting that lifts it', () => {
    const files = { '/proc/sys/user/max_user_namespaces': '0' };
    expect(namespaceObstacle(host(files))).toMatchObject({
      cure: 'as root: sysctl user.max_user_namespaces=15000',
      certain: true,
    });
    // Root needs no user namespace.
    expect(namespaceObstacle(host(files, { uid: 0 }))).toBeUndefined();
    expect(namespaceObstacle(host({ '/proc/sys/user/max_mnt_namespaces': '0' }, { uid: 0 }))?.what).toContain(
      'user.max_mnt_namespaces is 0',
    );
  });

  it("is Debian's switch", () => {
    const files = { '/proc/sys/kernel/unprivileged_userns_clone': '0' };
    expect(namespaceObstacle(host(files))?.cure).toBe('as root: sysctl kernel.unprivileged_userns_clone=1');
    expect(namespaceObstacle(host(files, { uid: 0 }))).toBeUndefined();
  });

  it("is AppArmor's restriction, unless a profile lets us", () => {
    const restricted = { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' };
    const unconfined = { ...restricted, '/proc/self/attr/current': 'unconfined' };
    expect(namespaceObstacle(host(unconfined))).toMatchObject({ certain: false });
    expect(namespaceObstacle(host(unconfined))?.cure).toContain(
      'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
    );
    expect(
      namespaceObstacle(host({ ...restricted, '/proc/self/attr/current': 'ashlar (unconfined)' })),
    ).toBeUndefined();
  });

  it('is an old kernel, for others than root', () => {
    for (const kernel of ['5.10.0-28-amd64', '4.19.0', '3.10.0-1160.el7']) {
      expect(namespaceObstacle(host({}, { kernel }))?.what).toContain(`Linux ${kernel}`);
      expect(namespaceObstacle(host({}, { kernel, uid: 0 }))).toBeUndefined();
    }
    for (const kernel of ['5.11.0', '5.15.0-91-generic', '6.18.44-fc-v657', 'strange'])
      expect(namespaceObstacle(host({}, { kernel }))).toBeUndefined();
  });

  it('is root without rights, as in a container', () => {
    const status = (capabilities: string) => ({
      '/proc/self/status': `Name:\tnode\nCapEff:\t${capabilities}\n`,
    });
    expect(namespaceObstacle(host(status('00000000a80425fb'), { uid: 0 }))?.cure).toContain('--privileged');
    expect(namespaceObstacle(host(status('000001ffffffffff'), { uid: 0 }))).toBeUndefined();
  });
});
