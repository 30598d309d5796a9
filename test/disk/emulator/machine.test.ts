import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { likelyAccelerator } from '../../../src/disk/emulator/accelerator.ts';
import { type BootOptions, bootDisk } from '../../../src/disk/emulator/index.ts';
import { type MachineOptions, runMachine } from '../../../src/disk/emulator/machine.ts';
import { qemuArguments } from '../../../src/disk/emulator/qemu.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';

const path = process.env.PATH ?? '';
afterEach(() => {
  process.env.PATH = path;
});

/** Puts a script in the place of QEMU; returns the directory that it can write to. */
function pretend(script: string): string {
  const directory = scratch();
  const programs = join(directory, 'bin');
  mkdirSync(programs);
  const write = (name: string, text: string) => {
    writeFileSync(join(programs, name), `#!/bin/sh\nhere=${directory}\n${text}\n`);
    chmodSync(join(programs, name), 0o755);
  };
  write('qemu-system-x86_64', script);
  write(
    'qemu-img',
    'case $1 in info) echo "{\\"format\\": \\"raw\\"}";; create) for last; do :; done; echo "$@" >$here/img; : >$last;; esac',
  );
  process.env.PATH = `${programs}:${path}`;
  return directory;
}

function run(more: Partial<MachineOptions> = {}) {
  const text: string[] = [];
  const machine = runMachine({
    start: { kind: 'bios' },
    disk: '/disk.qcow2',
    memory: 256,
    timeout: 60,
    signal: new AbortController().signal,
    onOutput: bytes =>
      void text.push(Buffer.from(bytes).toString()) === undefined && text.join('').includes('enough'),
    ...more,
  });
  return { machine, text };
}

function isRunning(pid: string): boolean {
  const status = `/proc/${pid.trim()}/stat`;
  // What has ended stays in the list until somebody asks for its status.
  return existsSync(status) && !/\) Z /.test(readFileSync(status, 'utf8'));
}

describe('a machine', () => {
  it('runs to its end', async () => {
    pretend('echo hello');
    const { machine, text } = run();
    expect(await machine).toMatchObject({ end: 'ended itself', accelerator: 'tcg' });
    expect(text.join('')).toBe('hello\n');
  });

  it('is stopped when it has said enough, and its line has ended', async () => {
    const directory = pretend('echo $$ >$here/pid; printf enough; sleep 0.05; echo " said"; exec sleep 1000');
    const { machine, text } = run();
    expect(await machine).toMatchObject({ end: 'stopped by us' });
    expect(text.join('')).toBe('enough said\n');
    expect(isRunning(readFileSync(join(directory, 'pid'), 'utf8'))).toBe(false);
  });

  it('is stopped when it takes too long', async () => {
    const directory = pretend('echo $$ >$here/pid; exec sleep 1000');
    expect(await run({ timeout: 1 }).machine).toMatchObject({ end: 'timeout' });
    expect(isRunning(readFileSync(join(directory, 'pid'), 'utf8'))).toBe(false);
  });

  it('is stopped when its work is interrupted', async () => {
    const directory = pretend('echo $$ >$here/pid; echo started; exec sleep 1000');
    const controller = new AbortController();
    const onOutput = () => {
      controller.abort(new Error('interrupted'));
      return false;
    };
    await expect(run({ signal: controller.signal, onOutput }).machine).rejects.toThrow('interrupted');
    expect(isRunning(readFileSync(join(directory, 'pid'), 'utf8'))).toBe(false);
  });

  it.skipIf(!has('setpriv'))('ends when its parent is killed', async () => {
    const directory = pretend('echo $$ >$here/pid; echo started; exec sleep 1000');
    const module = fileURLToPath(new URL('../../../src/disk/emulator/machine.ts', import.meta.url));
    const script = `import { runMachine } from '${module}';
      await runMachine({ start: { kind: 'bios' }, disk: '', memory: 256, timeout: 600, signal: new AbortController().signal,
        onOutput: () => process.kill(process.pid, 'SIGKILL') });`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', script]);
    expect(signal).toBe('SIGKILL');
    await vi.waitUntil(() => !isRunning(readFileSync(join(directory, 'pid'), 'utf8')), 10_000);
  });

  it('fails with the words of QEMU', async () => {
    pretend('echo "no such drive" >&2; exit 1');
    await expect(run().machine).rejects.toMatchObject({
      message: 'qemu-system-x86_64 ended with 1',
      cause: { message: 'no such drive' },
    });
  });

  it('is started again without KVM where that does not work', async () => {
    pretend(
      'case "$*" in *accel=kvm*) echo "KVM internal error. Suberror: 1" >&2; exec sleep 1000;; esac; echo enough',
    );
    const { machine, text } = run({ accelerator: 'kvm' });
    expect(await machine).toMatchObject({ accelerator: 'tcg' });
    expect(text.join('')).toBe('enough\n');
  });

  it('does not ask for KVM where the processor does not have it', () => {
    expect(likelyAccelerator('flags\t\t: fpu hypervisor\n')).toBe('tcg');
  });
});

describe('the command line of QEMU', () => {
  const line = (start: MachineOptions['start']) =>
    qemuArguments({ accelerator: 'tcg', start, disk: '/a,b.qcow2', memory: 512 }).join(' ');

  it('gives the disk, with commas in its name', () => {
    expect(line({ kind: 'bios' })).toContain(
      '-drive if=none,id=d0,format=qcow2,file=/a,,b.qcow2,cache=unsafe,discard=unmap -device virtio-blk-pci,drive=d0,bootindex=0',
    );
  });

  it('gives the firmware that is not the BIOS', () => {
    const firmware = { code: '/code.fd', variables: '/vars.fd' };
    expect(line({ kind: 'uefi', firmware, variables: '/copy.fd' })).toContain(
      'readonly=on,file=/code.fd -drive if=pflash,format=raw,unit=1,file=/copy.fd',
    );
  });
});

describe('starting a disk', () => {
  const boot = (more: Partial<BootOptions> = {}) => {
    const disk = join(scratch(), 'disk.raw');
    writeFileSync(disk, 'a disk');
    const lines: string[] = [];
    const options: BootOptions = {
      disk,
      timeout: 60,
      firmware: 'bios',
      memory: 256,
      onLine: line => lines.push(line),
      signal: new AbortController().signal,
      ...more,
    };
    return { verdict: bootDisk(options), lines, disk };
  };

  it('passes with the login prompt, on a copy of the disk', async () => {
    const directory = pretend('printf "Linux version 6\\r\\nvm login: "; exec sleep 1000');
    const { verdict, lines, disk } = boot();
    expect(await verdict).toMatchObject({
      passed: true,
      firmware: 'bios',
      accelerator: 'tcg',
      expected: 'login:',
      milestones: [{ name: 'kernel' }, { name: 'login' }],
    });
    expect(lines).toEqual(['Linux version 6', 'vm login:']);
    expect(readFileSync(join(directory, 'img'), 'utf8')).toContain(`create -q -f qcow2 -F raw -b ${disk} `);
  });

  it('does not pass when the text does not appear, and says what was said last', async () => {
    pretend('echo one; echo two');
    const { verdict } = boot({ expect: 'three' });
    expect(await verdict).toMatchObject({
      passed: false,
      reason: 'the machine ended',
      lastLines: ['one', 'two'],
    });
  });

  it.runIf(has('qemu-img'))('refuses disks of each format whose content is in another file', async () => {
    const directory = scratch();
    const at = (name: string) => join(directory, name);
    const [other, qcow2, vmdk] = [at('other'), at('disk.qcow2'), at('disk.vmdk')];
    writeFileSync(other, Buffer.alloc(1 << 20));
    const options = ['-f', 'qcow2', '-o', `data_file=${other},data_file_raw=on`];
    execFileSync('qemu-img', ['create', '-q', ...options, qcow2, '1M']);
    const lines = ['# Disk DescriptorFile', 'version=1', 'CID=12345678', 'parentCID=ffffffff'];
    const extent = ['createType="monolithicFlat"', `RW 2048 FLAT "${other}" 0`, ''];
    writeFileSync(vmdk, [...lines, ...extent].join('\n'));
    for (const disk of [qcow2, vmdk])
      await expect(boot({ disk }).verdict).rejects.toThrow(`the rest is in ${other}`);
  });

  it('refuses what is no whole disk', async () => {
    const directory = pretend('');
    writeFileSync(
      join(directory, 'bin/qemu-img'),
      '#!/bin/sh\necho \'{"format": "qcow2", "backing-filename": "/etc/shadow"}\'\n',
    );
    await expect(boot().verdict).rejects.toThrow('is only a part of a disk: the rest is in /etc/shadow');
  });
});
