import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-description-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

function description(more: string, types = '<type image="tbz" primary="true"/><type image="cpio"/>'): string {
  return `<image schemaversion="8.5" name="Tiny">
  <description type="system"><author>A</author><specification>S</specification></description>
  <profiles><profile name="big" description="with packages"/></profiles>
  <preferences><version>1.2.3</version><packagemanager>apt</packagemanager>${types}</preferences>
  ${more}
</image>
`;
}

const whole = `<users><user name="root" password="opensesame" pwdformat="plain"/></users>
<repository type="apt-deb" alias="d"><source path="https://who:secret@repo.example/debian"/></repository>
<packages type="image" profiles="big"><package name="hello"/></packages>
<packages type="bootstrap" profiles="big"><package name="base-files"/></packages>`;

const containers = '<containers source="r.example" backend="podman"><container name="c"/></containers>';

beforeAll(() => {
  const files = {
    tiny: description(whole),
    wrong: description('<pakages/>'),
    refused: description(containers),
    none: undefined,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name));
    if (text !== undefined) writeFileSync(join(directory, name, 'config.xml'), text);
  }
});

/** What a command prints; `@` stands for the directory of the descriptions. */
async function ashlar(...words: readonly string[]): Promise<string> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  const given = ['--store', '@/store', ...words].map(word => word.replace('@', directory));
  try {
    await describeProgram('ashlar').parseAsync(given, { from: 'user' });
  } finally {
    vi.restoreAllMocks();
  }
  return printed;
}

describe('a KIWI description', () => {
  it('is planned by the command for all descriptions', async () => {
    const plain = await ashlar('plan', '--description', '@/tiny', '--target-arch', 'x86_64');
    expect(plain).toMatch(/^Tiny \(build only\)\n {2}from {4}nothing\n/);
    expect(plain).toContain('output  Tiny.x86_64-1.2.3.tar.xz (archive)');
    expect(plain).not.toContain('hello');
    const chosen = ['--profile', 'big', '--type', 'cpio', '--target-arch', 'aarch64'];
    const big = await ashlar('plan', '--description', '@/tiny', ...chosen);
    expect(big).toContain('packages apt install hello');
    expect(big).toContain('output  Tiny.aarch64-1.2.3.cpio (archive)');
    const stacked = await ashlar('plan', '--description', '@/tiny', '--stash', 'low', '--stash', 'high:2');
    expect(stacked).toMatch(/^Tiny \(build only\)\n {2}from {4}low \+ high:2\n/);
  });

  it.each([[], ['--json']])('has no passwords in its plan %s', async (...more) => {
    const plan = await ashlar('plan', '--description', '@/tiny', '--profile', 'big', ...more);
    expect(plan).toContain('repo.example');
    expect(plan).not.toMatch(/secret|opensesame/);
  });

  it.each([
    [['--profile', 'big'], '--profile is for KIWI descriptions, and there is no --description'],
    [['--description', '@/tiny', '-f', 'x.yaml'], '--stacker-file is for other formats'],
    [['--description', '@/tiny', '--descriptor', 'x.yaml'], '--descriptor is for other formats'],
    [['--description', '@/tiny', '--substitute', 'a=b'], '--substitute is for stacker files'],
    [['--description', '@/tiny', '--redhat'], '--redhat is for CEKit descriptors'],
    [['--description', '@/none'], 'no XML description found in'],
  ])('is not mixed with others: %s', async (words, message) => {
    await expect(ashlar('plan', ...words)).rejects.toThrow(message);
  });

  it('is linted', async () => {
    expect(await ashlar('lint', '--description', '@/tiny')).toMatch(/^0 errors, \d+ warnings?\n$/m);
    const findings = JSON.parse(await ashlar('lint', '--description', '@/wrong', '--json'));
    expect(process.exitCode).toBe(1);
    process.exitCode = undefined;
    expect(findings).toMatchObject([{ rule: 'error', severity: 'error', at: { line: 5 } }]);
    expect(JSON.parse(await ashlar('lint', '--description', '@/refused', '--json'))).toMatchObject([
      {
        rule: 'description',
        message:
          'cannot be built: <container name="c">: ashlar does not put images of containers into images',
        at: { line: 5 },
        hint: expect.stringContaining('skopeo'),
      },
    ]);
  });

  it('is explained by the build into a directory', async () => {
    await expect(ashlar('explain', '--description', '@/tiny')).rejects.toThrow('--target-dir is missing');
  });
});

describe('a bundle', () => {
  const bundle = (...words: readonly string[]) =>
    ashlar('system', 'result', 'bundle', '--target-dir', '@/tiny', ...words);

  it.each([
    [['--bundle-dir', '@/bundle'], '--id is missing'],
    [['--id', 'rc1'], '--bundle-dir is missing'],
    [['--id', 'a/b', '--bundle-dir', '@/bundle'], '--id is part of names of files'],
    [['--id', 'rc1', '--bundle-dir', '@/tiny'], 'Bundle directory must be different from target directory'],
    [
      ['--id', 'rc1', '--bundle-dir', '@/bundle', '--bundle-format', '%N-%I'],
      '--bundle-format knows %I alone',
    ],
  ])('is asked for in full: %s', async (words, message) => {
    await expect(bundle(...words)).rejects.toMatchObject({
      message: expect.stringContaining(message),
      status: 2,
    });
  });

  it('is made of what a build has left', async () => {
    const words = ['--id', 'rc1', '--bundle-dir', '@/bundle'];
    await expect(bundle(...words)).rejects.toThrow('there is no kiwi.result.json in');
  });
});
