import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeProgram } from '../../../src/cli/program.ts';
import { AshlarErrors } from '../../../src/support/errors.ts';
import { serve } from '../../support/http-server.ts';

const GENERATED = 'The --dry-run parameter was specified, build will not be executed, exiting\nFinished!\n';
const VALIDATED =
  'The --validate parameter was specified, generation will not be performed, exiting\nFinished!\n';

let directory: string;
let printed: { stdout: string; stderr: string };
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-cekit-build-'));
  write('image.yaml', { name: 'app', version: 12, from: 'scratch', artifacts: [{ path: 'f', dest: '/' }] });
  write('f', 'content\n');
  printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      printed[name] += text;
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

const at = (...names: readonly string[]) => join(directory, ...names);

function write(name: string, content: string | object): string {
  writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content));
  return at(name);
}

/** What `cekit build` prints. */
async function build(...words: readonly string[]): Promise<typeof printed> {
  printed.stdout = '';
  printed.stderr = '';
  const places = [
    ...['--descriptor', at('image.yaml'), '--target', at('target'), '--work-dir', at('work')],
    ...['--config', at('config'), '--store', at('store')],
    ...['--stacker-dir', at('.stacker'), '--roots-dir', at('roots')],
  ];
  await describeProgram('cekit').parseAsync([...places, 'build', ...words], { from: 'user' });
  return { ...printed };
}

describe('cekit build', () => {
  it('holds to the lock file with --locked', async () => {
    await expect(build('--validate', '--locked')).rejects.toThrow(`there is no ${at('ashlar.lock')}`);
    write('ashlar.lock', 'lock: "2"\n');
    await expect(build('--validate', '--locked')).rejects.toMatchObject({ at: { line: 1 } });
    await expect(build('--validate')).resolves.toMatchObject({ stderr: expect.stringContaining(VALIDATED) });
  });

  it('only reads with --validate', async () => {
    expect(await build('--validate', 'podman', '--trace')).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining(VALIDATED),
    });
    expect(readdirSync(directory).sort()).toEqual(['f', 'image.yaml']);
    write('image.yaml', 'name: 5\nfrom: x\nlabel: []\n');
    const error = await build('--validate').catch((error: unknown) => error);
    expect(error).toBeInstanceOf(AshlarErrors);
    expect(error).toMatchObject({ message: 'Cannot validate schema: Image' });
    const lines = error instanceof AshlarErrors ? error.errors.map(({ at }) => at?.line) : [];
    expect(lines).toEqual(expect.arrayContaining([1, 3]));
  });

  it('names the Dockerfile as its engine has it, or as it is told', async () => {
    const named = async (...words: readonly string[]) => {
      const { stdout, stderr } = await build('--dry-run', ...words);
      expect(stderr.endsWith(GENERATED), stderr).toBe(true);
      const names = readdirSync(at('target/image')).filter(name => name.endsWith('file'));
      expect(readFileSync(at('target/image', names[0] ?? ''), 'utf8')).toBe(stdout);
      return names;
    };
    expect(await named()).toEqual(['Containerfile']);
    expect(await named('docker')).toEqual(['Dockerfile']);
    expect(await named('buildah')).toEqual(['Containerfile']);
    expect(await named('docker', '--container-file', 'Containerfile')).toEqual(['Containerfile']);
    expect(await named('osbs', '--release', '--tag', '-y', '--user', 'me', '--nowait')).toEqual([
      'Dockerfile',
    ]);
    expect(existsSync(at('.stacker'))).toBe(false);
  });

  it('leaves the target directory as it was when a dry run fails', async () => {
    await build('--dry-run');
    const missing = JSON.stringify({ artifacts: [{ name: 'f', path: 'gone' }] });
    await expect(build('--dry-run', '--overrides', missing)).rejects.toThrow(
      "Error copying resource: 'f'. See logs for more info.",
    );
    expect(printed).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining("Cekit is not able to fetch resource 'f' automatically."),
    });
    expect(readFileSync(at('target/image/f'), 'utf8')).toBe('content\n');
    expect(readdirSync(directory).sort()).toEqual(['f', 'image.yaml', 'store', 'target']);
  });

  it('says in the words of CEKit which artifact cannot be had, in dry runs and in builds', async () => {
    await using server = await serve((_request, response) => void response.writeHead(404).end());
    const md5 = '0'.repeat(32);
    const reasons = [
      [{ path: 'gone' }, `couldn't stat import ${at('gone')}`],
      [{ url: `${server.url}/a` }, `couldn't download ${server.url}/a: 404 Not Found`],
      [{ url: `${server.url}/a`, md5 }, `couldn't download ${server.url}/a: 404 Not Found`],
      [{ md5 }, 'Artifact server could not be found'],
    ] as const;
    for (const [source, reason] of reasons) {
      const artifact = { name: 'server', description: 'buy it', ...source };
      const override = JSON.stringify({ artifacts: [artifact] });
      for (const words of [['--dry-run'], ['--oci-dir', at('oci')]]) {
        await expect(build(...words, '--overrides', override)).rejects.toMatchObject({
          message: "Error copying resource: 'server'. See logs for more info.",
          hint: 'buy it',
          cause: { message: reason },
        });
        expect(printed.stderr).toContain(
          "Cekit is not able to fetch resource 'server' automatically. Please use cekit-cache command to add this artifact manually.\n",
        );
      }
    }
  });

  it('puts overrides over the descriptor in the order of the command line', async () => {
    const label = (value: string) => JSON.stringify({ labels: [{ name: 'l', value }] });
    const file = write('file.yaml', label('file'));
    await using server = await serve((_request, response) => void response.end(label('server')));
    const last = async (...words: readonly string[]) =>
      /\bl="(.*?)"/.exec((await build('--dry-run', ...words)).stdout)?.[1];
    expect(await last('--overrides', label('inline'), '--overrides-file', file)).toBe('file');
    expect(await last('--overrides-file', file, '--overrides', server.url)).toBe('server');
    expect(await last('--overrides', file, 'docker', '--overrides', label('inline'))).toBe('inline');
  });

  it.each([
    ['a b', '"a b" cannot be the name of an image'],
    ['docker://', 'bad image reference "docker://": it names no repository'],
  ])('builds nothing under the name %j', async (name, message) => {
    await expect(build('--oci-dir', at('oci'), '--tag', name)).rejects.toMatchObject({
      message,
      at: undefined,
    });
    expect(existsSync(at('oci'))).toBe(false);
  });

  it('does not build for OSBS', async () => {
    await expect(build('osbs', '--sync-only')).rejects.toThrow('ashlar does not send builds to OSBS');
    expect(existsSync(at('.stacker'))).toBe(false);
  });
});
