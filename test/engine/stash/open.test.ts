import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkStashName, parseStashName } from '../../../src/engine/stash/names.ts';
import { openStash } from '../../../src/engine/stash/open.ts';
import { openImage, parseReference } from '../../../src/oci/index.ts';
import { startRegistry } from '../../support/registry.ts';
import { has } from '../../support/tools.ts';

const at = { file: 'command line', line: 1, column: 1 };

describe('the name of a stash', () => {
  it.each(['leap', 'leap-15.6', 'a', 'a__b', 'x86_64'])('may be %s', name => {
    expect(checkStashName(name)).toBe(name);
    expect(parseStashName(`${name}:V1`)).toEqual({ name, tag: 'V1' });
  });

  it.each(['Leap', 'a_', '-a', 'a..b', 'a/b', '', '../a', 'a b', 'ü'])('may not be %j', name => {
    expect(() => checkStashName(name)).toThrow(`Image name '${name}' cannot be used as container name`);
  });

  it('is looked for without its capitals, but never outside of the stashes', () => {
    expect(parseStashName('Leap-VM:v1')).toEqual({ name: 'Leap-VM', tag: 'v1' });
    for (const name of ['a_', '', '..', '../a', 'a/b', 'a b', 'a:b:c', 'a:', 'a:.b'])
      expect(parseStashName(name), name).toBeUndefined();
  });
});

describe.runIf(has('umoci', 'skopeo', 'docker-registry'))('what is asked for', () => {
  let directory = '';
  let store = '';
  const digests = new Map<string, string>();

  const open = (text: string, rest: { fromRegistry?: string; insecure?: boolean } = {}) => {
    const { signal } = new AbortController();
    const options = { store, at, temporary: directory, signal, kiwiHome: join(directory, 'kiwi'), ...rest };
    return openStash(text, options);
  };

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ashlar-open-stash-'));
    store = join(directory, 'store');
    const layout = join(directory, 'layout');
    const umoci = (...args: readonly string[]) => execFileSync('umoci', args);
    const skopeo = (from: string, to: string) =>
      execFileSync('skopeo', ['--insecure-policy', 'copy', '--quiet', from, to]);
    writeFileSync(join(directory, 'file'), 'content');
    umoci('init', '--layout', layout);
    for (const tag of ['one', 'two']) {
      umoci('new', '--image', `${layout}:${tag}`);
      umoci('insert', '--rootless', '--image', `${layout}:${tag}`, join(directory, 'file'), `/${tag}`);
    }
    for (const { digest, annotations } of readIndex(layout))
      digests.set(annotations['org.opencontainers.image.ref.name'] ?? '', digest);
    mkdirSync(join(store, 'stashes'), { recursive: true });
    cpSync(layout, join(store, 'stashes/ours'), { recursive: true });
    for (const name of ['ours', 'theirs']) {
      mkdirSync(join(directory, 'kiwi', name), { recursive: true });
      skopeo(`oci:${layout}:one`, `oci-archive:${directory}/kiwi/${name}/${name}.tar:${name}:latest`);
    }
    skopeo(`oci:${layout}:two`, `docker-archive:${directory}/docker.tar:name:tag`);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('is our stash, its newest state or a tag', async () => {
    await using newest = await open('ours');
    expect(newest.digest).toBe(digests.get('two'));
    expect(newest.base.reference).toBe(`oci:${store}/stashes/ours@${digests.get('two')}`);
    await using lowered = await open('Ours');
    expect(lowered.base).toEqual(newest.base);
    await using tagged = await open('ours:one');
    expect(tagged.digest).toBe(digests.get('one'));
    await expect(open('ours:three')).rejects.toThrow(
      expect.objectContaining({ message: 'stash not found: ours:three', hint: 'ours has one, two' }),
    );
  });

  it("is an archive of KIWI's where we have none, imported until it is disposed of", async () => {
    let place = '';
    for (const name of ['theirs', 'theirs:latest']) {
      await using stash = await open(name);
      const { reference } = stash.base;
      place = /^oci:([^@:]+)[:@]/.exec(reference)?.[1] ?? '';
      const image = await openImage(parseReference(reference));
      expect(image.manifest.layers).toHaveLength(1);
      // skopeo may compress anew, so that only what is inside is the same.
      expect(image.config.rootfs.diff_ids).toEqual(diffIds(digests.get('one') ?? ''));
      execFileSync('skopeo', ['--insecure-policy', 'inspect', `oci:${place}:imported`]);
    }
    expect(existsSync(place)).toBe(false);
    await expect(open('theirs:other')).rejects.toThrow('there is no image theirs:other in');
  });

  it('may be an archive that is named', async () => {
    await using docker = await open(`docker-archive:${directory}/docker.tar`);
    const image = await openImage(parseReference(docker.base.reference));
    expect(image.config.rootfs.diff_ids).toEqual(diffIds(digests.get('two') ?? ''));
    await using oci = await open(`oci-archive:${directory}/kiwi/ours/ours.tar:ours:latest`);
    expect(oci.digest).toMatch(/^sha256:/);
    await expect(open(`docker-archive:${directory}/docker.tar:name:other`)).rejects.toThrow(
      'there is no image name:other in',
    );
    await expect(open(`oci-archive:${directory}/file`)).rejects.toThrow();
    expect(readdirSync(directory).filter(name => name.startsWith('stash-')).length).toBeLessThanOrEqual(4);
  });

  it('may be a reference', async () => {
    await using layout = await open(`oci:${directory}/layout:one`);
    expect(layout.digest).toBe(digests.get('one'));
  });

  it('is nowhere where nothing is', async () => {
    await expect(open('nothing')).rejects.toThrow(
      expect.objectContaining({
        message: 'stash not found: nothing',
        hint: expect.stringContaining(`${store}/stashes and ${directory}/kiwi`),
      }),
    );
    await expect(open('No Name')).rejects.toThrow('stash not found: No Name');
  });

  it('is exactly what the registry has, not what is here', async () => {
    await using registry = await startRegistry();
    const place = `${registry.host}/some`;
    execFileSync('skopeo', [
      ...['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', '--preserve-digests'],
      ...[`oci:${directory}/layout:one`, `docker://${place}/ours:two`],
    ]);
    await using stash = await open('ours:two', { fromRegistry: place, insecure: true });
    expect(stash.digest).toBe(digests.get('one'));
    expect(stash.base).toMatchObject({
      reference: `docker://${place}/ours:two@${digests.get('one')}`,
      insecure: true,
    });
    await using same = await open('ours:two', { fromRegistry: `docker://${place}/`, insecure: true });
    expect(same.base).toEqual(stash.base);
    await expect(open('theirs', { fromRegistry: place, insecure: true })).rejects.toThrow(place);
    await expect(open('ours', { fromRegistry: 'https://some/where' })).rejects.toThrow('is no registry');
  });

  function readIndex(layout: string) {
    const text = readFileSync(join(layout, 'index.json'), 'utf8');
    return JSON.parse(text).manifests as { digest: string; annotations: Record<string, string> }[];
  }

  function diffIds(manifest: string): readonly string[] {
    const document = (digest: string) =>
      JSON.parse(readFileSync(join(directory, 'layout/blobs', digest.replace(':', '/')), 'utf8'));
    return document(document(manifest).config.digest).rootfs.diff_ids;
  }
});
