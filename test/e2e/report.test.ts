/** What `--report` writes of a build. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import type { BuildReport } from '../../src/index.ts';
import { serve } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { readImage } from './images.ts';
import { startBuild, until } from './processes.ts';
import { busyboxLayout, useBusybox } from './roots.ts';
import { failureOf, type Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('the report of a build', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  function reportOf(project: Project, name = 'report.json'): BuildReport {
    return JSON.parse(readFileSync(project.at(name), 'utf8'));
  }

  it('tells of every image and step, what came out, and what came from earlier builds', async () => {
    const project = workspace.project('own');
    project.write('f', 'content');
    const file = {
      base: { from: busybox, run: 'true; echo > /made' },
      hidden: {
        from: { type: 'built', tag: 'base' },
        build_only: true,
        imports: [{ path: 'f', dest: '/f' }],
      },
      top: { from: { type: 'built', tag: 'hidden' }, run: 'true' },
    };
    await project.build(file, ['--report', 'report.json']);
    const report = reportOf(project);
    expect(report).toMatchObject({
      form: 1,
      tool: { name: 'ashlar', version: packageJson.version },
      outcome: 'built',
      totals: { images: 3, cachedImages: 0, steps: 3, cachedSteps: 0, downloadedBytes: 0 },
    });
    expect(report).not.toHaveProperty('failure');
    expect(report.time.milliseconds).toBe(Date.parse(report.time.ended) - Date.parse(report.time.started));
    const [base, hidden, top] = report.images;
    const made = project.image('base').manifest.layers[1];
    expect(base).toMatchObject({
      name: 'base',
      needs: [],
      emit: true,
      state: 'done',
      cached: false,
      base: { kind: 'tar', name: busybox.url },
      steps: [{ step: 1, kind: 'run', cached: false, layer: { digest: made?.digest, size: made?.size } }],
      tags: [{ tag: 'base', manifest: project.image('base').digest }],
    });
    expect(base?.steps[0]?.key).toMatch(/^[0-9a-f]{64}$/);
    expect(base?.steps[0]?.layer?.diffId).toBe(project.image('base').config.rootfs.diff_ids[1]);
    expect(hidden).toMatchObject({
      needs: ['base'],
      emit: false,
      state: 'done',
      base: { kind: 'built', name: 'base' },
      steps: [{ kind: 'copy' }],
      tags: [],
    });
    // Nothing changed in it: a step without a layer.
    expect(top?.steps).toHaveLength(1);
    expect(top?.steps[0]).not.toHaveProperty('layer');
    expect(report.totals.writtenBytes).toBeGreaterThan(made?.size ?? 0);

    await project.build(file, ['--report', 'report.json']);
    const again = reportOf(project);
    expect(again.totals).toMatchObject({ cachedImages: 3, steps: 3, cachedSteps: 3, writtenBytes: 0 });
    expect(again.images.map(image => image.steps[0]?.key)).toEqual(
      report.images.map(image => image.steps[0]?.key),
    );
    expect(again.images.map(image => image.tags)).toEqual(report.images.map(image => image.tags));
    expect(readdirSync(project.path).filter(name => name.startsWith('report'))).toEqual(['report.json']);
  });

  it('tells what came from where', async () => {
    await using server = await serve((_, response) => void response.end('twelve bytes'));
    const project = workspace.project('own');
    const layout = busyboxLayout(project.path);
    const imports = [{ path: `${server.url}/file`, dest: '/file' }];
    await project.build({ one: { from: { type: 'oci', url: `${layout}:busybox` }, imports } }, [
      '--report',
      'r',
    ]);
    const { images, downloads, totals } = reportOf(project, 'r');
    const { digest, manifest } = readImage(layout, 'busybox');
    expect(images[0]?.base).toMatchObject({
      kind: 'image',
      digest,
      layers: [{ digest: manifest.layers[0]?.digest }],
    });
    expect(downloads.toSorted((a, b) => a.what.localeCompare(b.what))).toMatchObject([
      { what: 'blob', name: manifest.layers[0]?.digest, image: 'one', from: 'disk', complete: true },
      { what: 'file', name: `${server.url}/file`, image: 'one', from: 'network', bytes: 12, complete: true },
    ]);
    expect(totals.downloadedBytes).toBe(12);
  });

  it('of a build that failed tells where and why', async () => {
    const project = workspace.project('own');
    const text = `good:\n  from: ${JSON.stringify(busybox)}\nbad:\n  from: {type: built, tag: good}\n  run: |\n    echo\n    exit 4\n`;
    const ended = await project.tryBuild(text, ['--report', 'report.json']);
    expect(failureOf(ended)).toContain('exit status 4');
    const report = reportOf(project);
    expect(report.outcome).toBe('failed');
    expect(report.images.map(({ name, state }) => [name, state])).toEqual([
      ['good', 'done'],
      ['bad', 'failed'],
    ]);
    expect(report.failure).toMatchObject({
      message: 'run commands failed for image "bad" in "stacker.yaml": execute failed: exit status 4',
      image: 'bad',
      at: { line: 7, column: 5 },
      hint: expect.stringContaining('--shell-fail'),
    });
  });

  it('is written also when there is no plan', async () => {
    const project = workspace.project('own');
    failureOf(await project.tryBuild('one: {form: {}}', ['--report', 'report.json']));
    expect(reportOf(project)).toMatchObject({
      outcome: 'failed',
      images: [],
      failure: { message: 'stackerfile: unknown directive form', at: { line: 1 } },
    });
  });

  it('is written also when the build is interrupted', async () => {
    const project = workspace.project('own');
    mkdirSync(project.at('out'));
    project.writeStackerFile({
      one: { from: busybox, binds: ['out -> /out'], run: 'touch /out/began; sleep 1000' },
    });
    const build = startBuild(project, ['--report', 'report.json']);
    await until(() => existsSync(project.at('out', 'began')));
    process.kill(build.pid, 'SIGINT');
    expect((await build.ended).status).toBe(130);
    expect(reportOf(project)).toMatchObject({
      outcome: 'interrupted',
      images: [{ name: 'one', state: 'building', steps: [{ step: 1, cached: false }], tags: [] }],
      failure: { message: 'interrupted' },
    });
  });

  it('is refused before anything is done when it could not be written', async () => {
    const project = workspace.project('own');
    const ended = await project.tryBuild({ one: { from: busybox } }, ['--report', 'none/report.json']);
    expect(failureOf(ended)).toMatch(
      /^error: cannot write the report none\/report\.json\nhint: --report needs a directory/,
    );
    expect(project.hasLayout()).toBe(false);
    mkdirSync(project.at('directory'));
    const directory = await project.tryBuild({ one: { from: busybox } }, ['--report', 'directory']);
    expect(failureOf(directory)).toBe('error: cannot write the report directory: it is a directory\n');
  });
});
