/** Images stacked from the command line: told before, made, and proven afterwards. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { StackReport, StackVerification } from '../../src/engine/index.ts';
import type { StackRecord } from '../../src/stacking/index.ts';
import { has } from '../support/tools.ts';
import { rewriteManifest } from './images.ts';
import { linesOf } from './roots.ts';
import { ashlarProgram, failureOf, output, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();

/** A base, and two images on it that disagree about one file and agree about another. */
let project: Project;
beforeAll(async () => {
  project = workspace.project();
  for (const name of ['base', 'x', 'y', 'same']) project.write(name, `${name}\n`);
  const image = (name: string) => ({
    from: { type: 'built', tag: 'base' },
    imports: [
      { path: name, dest: `/opt/${name}` },
      { path: name, dest: '/etc/both' },
      { path: 'same', dest: '/etc/same' },
    ],
  });
  await project.build({
    base: { from: { type: 'scratch' }, imports: [{ path: 'base', dest: '/base' }] },
    'image-x': image('x'),
    'image-y': image('y'),
  });
});

function stack(...args: readonly string[]) {
  return project.ashlar(['stack', ...args]);
}

describe('stack --dry-run', () => {
  it('shows layers and conflicts, and makes nothing', async () => {
    const { status, stdout, stderr } = await stack('--dry-run', 'image-x', 'image-y');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [base = '', ...own] = project.image('image-x').layers;
    const layers = [base, ...own, ...project.image('image-y').layers.slice(1)];
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('layers, the lowest first');
    expect(lines.slice(1, 8).map(line => line.trim().split(/ {2,}/)[0])).toEqual([
      ...new Set(layers.map(digest => digest.slice(0, 19))),
      '',
    ]);
    expect(lines[1]).toMatch(/ image-x, image-y {2}shared$/);
    expect(lines.slice(8)).toEqual([
      'conflicts',
      expect.stringMatching(
        /^ {2}warn {2}content {2}image-y wins {2}\/etc\/both: 2 B .* in image-x, 2 B .* in image-y$/,
      ),
      '',
      expect.stringMatching(/^2 images, 6 layers; \d+ B shared; 1 conflict; no layer of its own$/),
      '',
    ]);
    expect(project.tags()).toEqual(['base', 'image-x', 'image-y']);
  });

  it('is the same as JSON, under the policies that are given', async () => {
    const { stdout } = await stack(
      ...['--dry-run', '--json', '--conflicts', '/etc/**=first', 'image-x', 'oci:oci:image-y'],
    );
    const report = JSON.parse(stdout) as StackReport;
    expect(report.parts).toEqual(['image-x', 'oci:oci:image-y']);
    expect(report.conflicts).toMatchObject([
      { kind: 'content', path: '/etc/both', policy: 'first', winner: 'image-x' },
    ]);
    expect(report.layers[0]).toMatchObject({
      digest: project.image('base').layers[0],
      parts: ['image-x', 'oci:oci:image-y'],
    });
    expect(report.corrected).toContain('/etc/both');
  });

  it('ends with 1 where a conflict forbids the result', async () => {
    expect(await stack('--dry-run', '--conflicts', 'error', 'image-x', 'image-y')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^ {2}error {2}content {2}nobody wins /m),
      stderr: '',
    });
    expect(failureOf(await stack('--dry-run', '--conflicts', 'some', 'image-x'))).toContain(
      'error: unknown conflict policy: some\n',
    );
  });
});

describe('stack', () => {
  it('puts the layers of images on top of each other under a tag, and proves it', async () => {
    const { status, stderr } = await stack('--tag', 'both', 'image-x', 'image-y');
    expect(status, stderr).toBe(0);
    const both = project.image('both');
    expect(both.layers).toEqual([
      ...new Set([...project.image('image-x').layers, ...project.image('image-y').layers]),
    ]);
    expect(await project.fileOf('both', 'etc/both')).toBe('y\n');
    expect(stderr).toMatch(/\/etc\/both: .* in .*:image-x, .* in .*:image-y$/m);
    expect(await stack('--verify', 'both')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^both is proven to be .*image-x \+ .*image-y; 6 layers shared; /),
    });
  });

  it.runIf(has('strace'))('reads and writes no byte of layers that were looked into before', async () => {
    expect((await stack('--dry-run', 'image-x', 'image-y')).status).toBe(0);
    const calls = 'read,pread64,readv,write,pwrite64,writev,copy_file_range,sendfile,splice';
    const log = project.at('trace');
    const command = project.arguments([
      'stack',
      '--tag',
      'traced',
      '--conflicts',
      'last',
      'image-x',
      'image-y',
    ]);
    await output(
      'strace',
      ['-f', '-qq', '--decode-fds=path', '-e', `trace=${calls}`, '-o', log, ashlarProgram, ...command],
      {
        cwd: project.path,
        env: project.environment(),
      },
    );
    const touched = linesOf(log);
    expect(touched.some(line => line.includes('/index.json>'))).toBe(true);
    const layers = project.image('traced').layers.map(digest => digest.replace('sha256:', ''));
    expect(touched.filter(line => layers.some(layer => line.includes(layer)))).toEqual([]);
    expect(touched.filter(line => /\/tmp\/[^>]*\/layer-/.test(line))).toEqual([]);
  });

  it('makes nothing where a conflict is an error, or no name is given', async () => {
    const forbidden = await stack('--tag', 'none', '--conflicts', 'error', 'image-x', 'image-y');
    expect(failureOf(forbidden)).toMatch(
      /^error: a conflict between the parts of the stack:\n {4}\/etc\/both: /,
    );
    expect(failureOf(await stack('image-x', 'image-y'))).toContain('error: --tag is missing');
    expect(failureOf(await stack('--tag', 'a name', 'image-x'))).toContain(
      'error: "a name" cannot be the name of an image\n',
    );
    expect(project.tags()).not.toContain('none');
  });

  it('does not prove an image whose account tells of other rules', async () => {
    expect((await stack('--tag', 'forged', 'image-x', 'image-y')).status).toBe(0);
    changeAccount(project, 'forged', account => ({ ...account, rules: { policy: 'first', paths: [] } }));
    const { status, stdout } = await stack('--verify', '--json', 'forged');
    const proof = JSON.parse(stdout) as StackVerification;
    expect({ status, proven: proof.proven }).toEqual({ status: 1, proven: false });
    expect(proof.differences.map(({ path }) => path)).toEqual(['/etc/both']);
    expect((await stack('--verify', 'forged')).stdout).toMatch(/^forged is not proven to be /m);
  });

  it('says what has no account', async () => {
    expect(failureOf(await stack('--verify', 'image-x'))).toContain(
      'error: image-x was not stacked: its manifest has no annotation dev.ashlar.stack\n',
    );
    expect(failureOf(await stack('--verify', 'image-x', 'image-y'))).toContain(
      'error: --verify takes one image\n',
    );
  });
});

/** Changes what the manifest of an image says of how it was stacked. */
function changeAccount({ oci }: Project, tag: string, change: (account: StackRecord) => StackRecord): void {
  rewriteManifest(oci, tag, manifest => {
    const account = change(JSON.parse(manifest.annotations?.['dev.ashlar.stack'] ?? ''));
    const annotations = { ...manifest.annotations, 'dev.ashlar.stack': JSON.stringify(account) };
    return { ...manifest, annotations };
  });
}
