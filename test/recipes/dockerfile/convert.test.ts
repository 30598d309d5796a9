import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type BaseConfig, convertDockerfile } from '../../../src/recipes/dockerfile/index.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-convert-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), path);
  }
}

const unknown = async (): Promise<BaseConfig | undefined> => undefined;

async function convert(text: string, { readBase = unknown, output = 'stacker.yaml' } = {}) {
  const converted = await convertDockerfile({
    file: join(directory, 'Dockerfile'),
    text,
    output: join(directory, output),
    generated: [join(directory, 'oci')],
    platform: { os: 'linux', architecture: 'amd64' },
    readBase,
  });
  return {
    ...converted,
    layers: parse(converted.stackerFile, { version: '1.1' }) as Record<string, Record<string, unknown>>,
    values: parse(converted.substitutes, { version: '1.1' }) as Record<string, string>,
    notes: converted.notes.map(({ text, at }) => `${at.line}: ${text}`),
  };
}

const app = '${{IMAGE}}';

/** What the instructions make of the one layer of an image, less what every layer has. */
async function layerOf(text: string) {
  const { layers } = await convert(`FROM scratch\n${text}`);
  const { from: _from, build_env: _environment, ...rest } = layers[app] ?? {};
  return rest;
}

describe('FROM', () => {
  it.each([
    ['FROM scratch', { type: 'scratch' }],
    ['FROM alpine', { type: 'docker', url: 'docker://alpine' }],
    ['FROM host:5000/a/b:c@sha256:d', { type: 'docker', url: 'docker://host:5000/a/b:c@sha256:d' }],
    ['FROM oci:dir:tag', { type: 'docker', url: 'oci:dir:tag' }],
    ['ARG T=3\nFROM alpine:$T', { type: 'docker', url: 'docker://alpine:${{T}}' }],
  ])('%s', async (text, from) => {
    expect((await convert(text)).layers[app]?.from).toEqual(from);
  });

  it('names layers like stages; only the last one is put out', async () => {
    const { layers, values } = await convert('FROM a AS One\nFROM b\nFROM one as three\nFROM 2x\n');
    expect(Object.entries(layers).map(([name, { from, build_only }]) => [name, from, build_only])).toEqual([
      ['one', { type: 'docker', url: 'docker://a' }, true],
      ['${{IMAGE}}-stage-1', { type: 'docker', url: 'docker://b' }, true],
      ['three', { type: 'built', tag: 'one' }, true],
      [app, { type: 'docker', url: 'docker://2x' }, undefined],
    ]);
    expect(values).toEqual({ IMAGE: 'app' });
  });

  it('leaves IMAGE to an argument of that name', async () => {
    const { layers, values } = await convert('ARG IMAGE=alpine\nFROM $IMAGE');
    expect(layers['${{IMAGE_NAME}}']?.from).toEqual({ type: 'docker', url: 'docker://${{IMAGE}}' });
    expect(values).toEqual({ IMAGE_NAME: 'app', IMAGE: 'alpine' });
  });

  it('takes os and arch from a platform that is not ours', async () => {
    expect((await convert('FROM --platform=linux/arm64 a')).layers[app]).toMatchObject({
      os: 'linux',
      arch: 'arm64',
      build_env: { arch: 'arm64' },
    });
    const { layers } = await convert('FROM --platform=$BUILDPLATFORM a');
    expect(layers[app]).not.toHaveProperty('arch');
    expect(layers[app]?.build_env).toEqual({ arch: 'amd64' });
  });

  it.each(['FROM', 'FROM a b', 'FROM a AS', 'FROM a AS b c', 'FROM a AS 1', 'FROM $NONE', '# nothing'])(
    '%s is refused',
    async text => {
      await expect(convert(text)).rejects.toThrow('unsupported FROM directive');
    },
  );

  it('brings the environment, directory and user of a base that can be asked', async () => {
    const readBase = async () => ({
      environment: ['PATH=/x:/bin', 'LANG=C'],
      workingDir: '/home',
      user: 'app',
    });
    const { layers } = await convert('FROM a\nENV PATH=/y:$PATH\nWORKDIR b\nRUN c', { readBase });
    expect(layers[app]).toMatchObject({
      build_env: { arch: 'amd64', PATH: '/y:/x:/bin', LANG: 'C' },
      environment: { PATH: '/y:/x:/bin' },
      working_dir: '/home/b',
    });
    expect(layers[app]?.run).toContain('su -p -s /bin/sh -- app -c c\n');
  });
});

describe('ARG', () => {
  it('is a substitution with its default', async () => {
    const { layers, values } = await convert('FROM a\nARG V=1.10\nARG W\nENV X=$V-$W\nRUN echo $V $X');
    expect(values).toEqual({ IMAGE: 'app', V: '1.10', W: '' });
    expect(layers[app]).toMatchObject({
      environment: { X: '${{V}}-${{W}}' },
      build_env: { V: '${{V}}', W: '${{W}}', X: '${{V}}-${{W}}' },
    });
    expect(layers[app]?.run).toContain("/bin/sh -c 'echo $''V $X'\n");
  });

  it('is known in a stage only where that declares it, with the default of the beginning', async () => {
    const { layers, values } = await convert('ARG V=1\nFROM a\nENV B=x$V\nARG V\nENV C=x$V');
    expect(layers[app]?.environment).toEqual({ B: 'x', C: 'x${{V}}' });
    expect(values.V).toBe('1');
  });

  it('has its default in each placeholder where there are several', async () => {
    const { layers, values } = await convert('FROM a AS b\nARG V=1\nENV A=$V\nFROM a\nARG V=2\nENV A=$V');
    expect(layers.b?.environment).toEqual({ A: '${{V:1}}' });
    expect(layers[app]?.environment).toEqual({ A: '${{V:2}}' });
    expect(values).toEqual({ IMAGE: 'app' });
  });

  it('counts with its default where something is made of its value', async () => {
    const { layers, notes } = await convert('FROM scratch\nARG V=v1\nENV A=${V#v} B=${V:-x}');
    expect(layers[app]?.environment).toEqual({ A: '1', B: '${{V}}' });
    expect(notes).toEqual(['3: V counts here as its default "v1", whatever it is given']);
  });

  it('knows the platform', async () => {
    const { values } = await convert(
      'FROM scratch\nARG TARGETARCH\nARG TARGETOS\nENV A=$TARGETOS/$TARGETARCH',
    );
    expect(values).toMatchObject({ TARGETARCH: 'amd64', TARGETOS: 'linux' });
  });
});

describe('instructions for the image config', () => {
  it.each([
    ['ENV A=1 B="2 3"\nENV C old  form', { environment: { A: '1', B: '2 3', C: 'old  form' } }],
    ['LABEL a.b=yes "c d"=012', { labels: { 'a.b': 'yes', 'c d': '012' } }],
    [
      'MAINTAINER a <b@c>\nMAINTAINER d',
      { annotations: { 'org.opencontainers.image.authors': 'a <b@c>, d' } },
    ],
    ['USER 1000', { runtime_user: '1000' }],
    ['CMD ["a", "b c"]', { cmd: ['a', 'b c'] }],
    ['CMD a b', { cmd: ['/bin/sh', '-c', 'a b'] }],
    ['SHELL ["/bin/bash", "-c"]\nCMD a b', { cmd: ['/bin/bash', '-c', 'a b'] }],
    ['CMD ["a"]\nENTRYPOINT b', { entrypoint: ['/bin/sh', '-c', 'b'], cmd: ['a'] }],
    ['ENTRYPOINT ["b"]', { entrypoint: ['b'], cmd: [] }],
    ["CMD ['a']", { cmd: ['/bin/sh', '-c', "['a']"] }],
    ['ARG V\nCMD echo $V ${V} ${{V}} $X', { cmd: ['/bin/sh', '-c', 'echo $V ${V} ${{V}} $X'] }],
  ])('%s', async (text, expected) => {
    expect(await layerOf(text)).toEqual(expected);
  });

  it('hides what the substitution would take for its own', async () => {
    const { stackerFile } = await convert('FROM scratch\nARG V\nCMD echo $V ${V} ${{V}} $VV $X');
    expect(stackerFile).toContain('"echo \\x24V \\x24{V} \\x24{{V}} $VV $X"');
  });

  it('VOLUME is a volume, and a bind for what runs after it', async () => {
    const { layers, values, directories } = await convert(
      'FROM a\nRUN b\nVOLUME /c ["x"]\nVOLUME ["/d e"]\nRUN f',
    );
    expect(Object.keys(layers)).toEqual(['${{IMAGE}}-1', app]);
    expect(layers['${{IMAGE}}-1']).not.toHaveProperty('binds');
    expect(layers[app]).toMatchObject({
      volumes: ['/c', '[x]', '/d e'],
      binds: ['${{STACKER_VOL1}} -> /c', { source: '${{STACKER_VOL2}}', dest: '/d e' }],
    });
    expect(values.STACKER_VOL1).toBe('stacker-volumes/1');
    expect(directories).toEqual(['stacker-volumes/1', 'stacker-volumes/2']);
  });

  it('VOLUME at the end is a bind that nothing has run with', async () => {
    const { layers } = await convert('FROM a\nRUN b\nVOLUME /c');
    expect(layers['${{IMAGE}}-1']).not.toHaveProperty('binds');
    expect(layers[app]).toMatchObject({ volumes: ['/c'], binds: ['${{STACKER_VOL1}} -> /c'] });
    expect(layers[app]).not.toHaveProperty('run');
  });

  it.each([
    ['EXPOSE 80 443', '2: EXPOSE 80 443 has no place in a stacker file'],
    ['STOPSIGNAL 9', '2: unknown Dockerfile cmd: STOPSIGNAL: a stacker file has no place for 9'],
    ['ONBUILD RUN a', '2: unknown Dockerfile cmd: ONBUILD: a stacker file has no place for RUN a'],
    ['HEALTHCHECK NONE', '2: unknown Dockerfile cmd: HEALTHCHECK: a stacker file has no place for NONE'],
  ])('%s becomes a note', async (text, note) => {
    const { notes, stackerFile } = await convert(`FROM scratch\n${text}`);
    expect(notes).toEqual([note]);
    expect(stackerFile).toContain(`\n# Line ${note.replace(/^2/, '2')}\n`);
  });

  it('WORKDIR is made by what is copied or run there, else it is only said', async () => {
    write('x');
    expect(await layerOf('WORKDIR /a\nWORKDIR b\nCOPY x .')).toEqual({
      imports: [{ path: 'x', dest: '/a/b/x' }],
      working_dir: '/a/b',
    });
    const { layers, notes } = await convert('FROM scratch\nWORKDIR /a');
    expect(layers[app]?.working_dir).toBe('/a');
    expect(notes).toEqual([
      '2: /a is not made: nothing is copied there, and without RUN there may be no shell',
    ]);
  });

  it.each([
    ['FROM a\nFORM b', 'unknown Dockerfile cmd: FORM'],
    ['RUN a', 'no build stage: RUN stands before FROM'],
    ['FROM a\nRUN', 'RUN requires an argument'],
    ['FROM a\nSHELL bash', 'SHELL requires the arguments to be in JSON form'],
    ['FROM a\nCOPY b', 'COPY requires at least two arguments, but only 1 were provided'],
    ['FROM a\nCOPY b c d', 'When using COPY with more than one source file'],
    ['FROM a\nCOPY --from=3 b c', 'there is no earlier stage 3'],
    ['FROM a AS b\nCOPY --from=b b c', '--from=b is this stage itself'],
    ['FROM a\nENV b', 'ENV must have two arguments'],
    ['FROM a\nENV $b=c', 'ENV names can not be blank'],
    ['FROM a\nVOLUME $b', 'VOLUME specified can not be an empty string'],
  ])('%j is refused', async (text, message) => {
    await expect(convert(text)).rejects.toThrow(message);
  });
});

describe('RUN', () => {
  const script = async (text: string) => (await convert(`FROM a\n${text}`)).layers[app]?.run;

  it.each([
    ['RUN a && b', "export HOME=~root\n/bin/sh -c 'a && b'\n"],
    ["RUN echo 'a'", "export HOME=~root\n/bin/sh -c 'echo '\\''a'\\'''\n"],
    ['RUN a && \\\n  b', "export HOME=~root\n/bin/sh -c 'a && \\\n  b'\n"],
    ['RUN ["a", "b c"]', "export HOME=~root\n(exec a 'b c')\n"],
    ['RUN ["/bin/a"]', 'export HOME=~root\n/bin/a\n'],
    [
      'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a | b',
      "export HOME=~root\n/bin/bash -o pipefail -c 'a | b'\n",
    ],
    ['USER x\nRUN a b', "export HOME=~x\nsu -p -s /bin/sh -- x -c 'a b'\n"],
    ['USER x\nRUN ["a", "b c"]', "export HOME=~x\nsu -p -s /bin/sh -- x -c 'exec a '\\''b c'\\'''\n"],
    ['USER x:y\nRUN a', 'export HOME=~x\nchroot --userspec=x:y --skip-chdir / /bin/sh -c a\n'],
    ['USER 0\nENV HOME=/h\nRUN a', '/bin/sh -c a\n'],
    ['WORKDIR /w\nRUN a\nRUN b', 'mkdir -p /w\nexport HOME=~root\ncd /w\n/bin/sh -c a\n/bin/sh -c b\n'],
    ['RUN a\nENV B="c d"\nRUN e', "export HOME=~root\n/bin/sh -c a\nexport B='c d'\n/bin/sh -c e\n"],
    ['RUN <<EOF\na\n  b\nEOF', "export HOME=~root\n/bin/sh -c 'a\n  b'\n"],
    [
      'USER x\nWORKDIR /w/v\nRUN a',
      '[ -d /w ] || { mkdir -p /w && chown x: /w; }\n[ -d /w/v ] || { mkdir -p /w/v && chown x: /w/v; }\n' +
        'export HOME=~x\ncd /w/v\nsu -p -s /bin/sh -- x -c a\n',
    ],
  ])('%s', async (text, expected) => {
    expect(await script(text)).toBe(expected);
  });

  it('begins a new layer for an argument that what ran before must not have', async () => {
    const { layers } = await convert('FROM a\nRUN b\nARG V=1\nRUN c\nRUN d');
    expect(layers).toMatchObject({
      '${{IMAGE}}-1': { build_env: { arch: 'amd64' }, run: 'export HOME=~root\n/bin/sh -c b\n' },
      [app]: { build_env: { V: '${{V}}' }, run: 'export HOME=~root\n/bin/sh -c c\n/bin/sh -c d\n' },
    });
    expect(layers['${{IMAGE}}-1']?.build_env).not.toHaveProperty('V');
  });

  it('as a user with a number finds the group and the home out', async () => {
    const text = await script('USER 12\nRUN a');
    expect(text).toContain(
      'chroot --userspec=12:"$(id -g 12 2>/dev/null || echo 0)" --skip-chdir / /bin/sh -c a\n',
    );
    expect(text).toContain(String.raw`sed -n 's/^[^:]*:[^:]*:12:[^:]*:[^:]*:\([^:]*\):.*/\1/p' /etc/passwd`);
  });

  it('with a script of its own interpreter is a file that is run', async () => {
    const { layers, files } = await convert('FROM a\nRUN <<EOF\n#!/usr/bin/awk -f\nx\nEOF');
    expect(files).toEqual([{ path: 'stacker-files/1-EOF', content: '#!/usr/bin/awk -f\nx\n', mode: 0o755 }]);
    expect(layers[app]).toMatchObject({ imports: [{ path: 'stacker-files/1-EOF' }] });
    expect(layers[app]?.run).toContain('\n/stacker/imports/1-EOF\n');
  });

  it('puts aside what a cache or a bind hides', async () => {
    write('d/e');
    const { layers } = await convert(
      'FROM a\nWORKDIR /w\nRUN --mount=type=cache,target=/c,uid=1 --mount=source=d,target=. b',
    );
    expect(layers['${{IMAGE}}-mount-3-40']?.imports).toEqual([{ path: 'd/', dest: '/mount-3-40' }]);
    expect(layers[app]?.imports).toEqual([{ path: 'stacker://${{IMAGE}}-mount-3-40/mount-3-40' }]);
    expect(String(layers[app]?.run).split('\n').slice(2, -1)).toEqual([
      '[ ! -e /c ] || mv /c /c.kept',
      'mkdir -p /c',
      'chown 1:0 /c',
      '[ ! -e /w ] || mv /w /w.kept',
      'mkdir -p /',
      'ln -s /stacker/imports/mount-3-40 /w',
      'cd /w',
      '/bin/sh -c b',
      'cd /',
      'rm /w',
      '[ ! -e /w.kept ] || mv /w.kept /w',
      'rm -rf /c',
      '[ ! -e /c.kept ] || mv /c.kept /c',
    ]);
  });

  it('says which mounts and flags are left out', async () => {
    const { notes } = await convert('FROM scratch\nRUN --mount=type=secret,id=x --network=none a');
    expect(notes).toEqual([
      '2: RUN --mount=type=secret,id=x has no place in a stacker file, it is left out',
      '2: RUN --network=none has no place in a stacker file, it is left out',
    ]);
  });
});

describe('COPY and ADD', () => {
  const imports = async (text: string) => (await layerOf(text)).imports;

  it.each([
    ['COPY a.txt /b', [{ path: 'a.txt', dest: '/b' }]],
    ['COPY a.txt /b/', [{ path: 'a.txt', dest: '/b/a.txt' }]],
    ['COPY a.txt .', [{ path: 'a.txt', dest: '/a.txt' }]],
    ['WORKDIR /w\nCOPY a.txt .', [{ path: 'a.txt', dest: '/w/a.txt' }]],
    ['WORKDIR /w\nCOPY a.txt /w', [{ path: 'a.txt', dest: '/w/a.txt' }]],
    ['WORKDIR /w\nCOPY ./a.txt ../b', [{ path: 'a.txt', dest: '/b' }]],
    ['COPY d /b', [{ path: 'd/', dest: '/b' }]],
    ['COPY d/ /b/', [{ path: 'd/', dest: '/b' }]],
    [
      'COPY a.txt d /b/',
      [
        { path: 'a.txt', dest: '/b/a.txt' },
        { path: 'd/', dest: '/b' },
      ],
    ],
    ['COPY ["a b", "/c d/"]', [{ path: 'a b', dest: '/c d/a b' }]],
    [
      'COPY *.txt /b/',
      [
        { path: 'a.txt', dest: '/b/a.txt' },
        { path: 'z.txt', dest: '/b/z.txt' },
      ],
    ],
    ['COPY a.* /b', [{ path: 'a.txt', dest: '/b' }]],
    ['COPY ../../a.txt /b', [{ path: 'a.txt', dest: '/b' }]],
    ['COPY link /b/', [{ path: 'a.txt', dest: '/b/link' }]],
    ['COPY --chown=1:2 a.txt /b', [{ path: 'a.txt', dest: '/b', uid: 1, gid: 2 }]],
    ['COPY --chown=1 a.txt /b', [{ path: 'a.txt', dest: '/b', uid: 1, gid: 1 }]],
    ['COPY --chmod=755 --link a.txt /b', [{ path: 'a.txt', dest: '/b', mode: 0o755 }]],
    ['ENV B=/b\nCOPY a.txt $B/', [{ path: 'a.txt', dest: '/b/a.txt' }]],
    [
      'ARG A=a\nCOPY /$A.txt ./$A.txt /b/',
      [
        { path: '${{A}}.txt', dest: '/b/${{A}}.txt' },
        { path: '${{A}}.txt', dest: '/b/${{A}}.txt' },
      ],
    ],
    ['ARG A=a\nWORKDIR /w/$A\nCOPY a.txt ./', [{ path: 'a.txt', dest: '/w/${{A}}/a.txt' }]],
    ['ARG A=a\nCOPY $A.txt /$A/', [{ path: '${{A}}.txt', dest: '/${{A}}/${{A}}.txt' }]],
    ['ADD https://x/y/z?q /b/', [{ path: 'https://x/y/z?q', dest: '/b/z', mode: 0o600 }]],
    [
      `ADD --checksum=sha256:${'a'.repeat(64)} https://x/y /b`,
      [{ path: 'https://x/y', dest: '/b', hash: 'a'.repeat(64), mode: 0o600 }],
    ],
    ['COPY <<A /b\nx\nA', [{ path: 'stacker-files/1-b', dest: '/b', mode: 0o644 }]],
    ['ADD a.txt /b', [{ path: 'a.txt', dest: '/b' }]],
  ])('%s', async (text, expected) => {
    write('a.txt', 'z.txt', 'a b', 'd/e');
    symlinkSync('a.txt', join(directory, 'link'));
    expect(await imports(text)).toEqual(expected);
  });

  it('take usual directories of a base for directories', async () => {
    write('a');
    const { layers } = await convert('FROM x\nCOPY a /usr/local/bin\nCOPY a /usr/local/bin/b');
    expect(layers[app]?.imports).toEqual([
      { path: 'a', dest: '/usr/local/bin/a' },
      { path: 'a', dest: '/usr/local/bin/b' },
    ]);
  });

  it('begin a new layer after something has been run', async () => {
    write('a', 'b');
    const { layers } = await convert('FROM x\nCOPY a /a\nRUN c\nCOPY b /b\nRUN d\nLABEL e=f');
    expect(layers).toMatchObject({
      '${{IMAGE}}-1': { build_only: true, imports: [{ path: 'a', dest: '/a' }] },
      [app]: {
        from: { type: 'built', tag: '${{IMAGE}}-1' },
        imports: [{ path: 'b', dest: '/b' }],
        labels: { e: 'f' },
      },
    });
    expect(layers['${{IMAGE}}-1']).not.toHaveProperty('labels');
  });

  it('keep permissions of directories by way of overlay_dirs', async () => {
    write('d/e/f');
    mkdirSync(join(directory, 'd/g'), { mode: 0o700 });
    expect(await layerOf('COPY d /b')).toEqual({ overlay_dirs: [{ source: 'd', dest: '/b' }] });
  });

  it('leave out what .dockerignore and --exclude name', async () => {
    write('a', 'd/e', 'd/f', 'secret');
    writeFileSync(join(directory, '.dockerignore'), 'secret\n.dockerignore\n');
    const { layers } = await convert('FROM scratch\nCOPY --exclude=d/f . /b');
    expect(layers).toMatchObject({
      '${{IMAGE}}-context': {
        build_only: true,
        imports: [
          { path: 'a', dest: '/a' },
          { path: 'd/e', dest: '/d/e' },
        ],
      },
      [app]: { imports: [{ path: 'stacker://${{IMAGE}}-context/', dest: '/b' }] },
    });
    writeFileSync(join(directory, '.dockerignore'), 'secret\nd');
    await expect(convert('FROM scratch\nCOPY d /b')).rejects.toThrow('d is excluded by .dockerignore');
    await expect(convert('FROM scratch\nCOPY secret /b')).rejects.toThrow(
      'secret is excluded by .dockerignore',
    );
  });

  it('leave out what conversion and builds write themselves, be it there or not', async () => {
    write('a', 'oci/index.json', 'stacker-files/1-x');
    const context = [{ path: 'a', dest: '/a' }];
    const { layers } = await convert('FROM scratch\nCOPY . /b');
    expect(layers['${{IMAGE}}-context']?.imports).toEqual(context);
    const elsewhere = await convert('FROM scratch\nCOPY a /b', { output: '../stacker.yaml' });
    expect(Object.keys(elsewhere.layers)).toEqual([app]);
  });

  it('set owners by name after copying', async () => {
    write('a', 'd/e');
    const { layers } = await convert('FROM x\nWORKDIR /w\nCOPY --chown=u a d ./\nCOPY --chown=u:g d /v');
    expect(layers[app]?.run).toBe('chown u: /w/a\nchown -R u: /w/e\nchown -R u:g /v\n');
  });

  it('take the place of files from where the stacker file is', async () => {
    write('a');
    const { layers } = await convert('FROM scratch\nCOPY a /', { output: 'build/stacker.yaml' });
    expect(layers[app]?.imports).toEqual([{ path: '../a', dest: '/a' }]);
  });

  it('copy from stages by name and number, and from images', async () => {
    const { layers } = await convert(
      'FROM x AS One\nFROM scratch\nCOPY --from=one /a /b\nCOPY --from=0 /c/ /d/\nCOPY --from=host/i:1 /e /f',
    );
    expect(layers).toMatchObject({
      '${{IMAGE}}-i': { build_only: true, from: { type: 'docker', url: 'docker://host/i:1' } },
      [app]: {
        imports: [
          { path: 'stacker://one/a', dest: '/b' },
          { path: 'stacker://one/c/', dest: '/d' },
          { path: 'stacker://${{IMAGE}}-i/e', dest: '/f' },
        ],
      },
    });
  });

  it('let a stage find out what a pattern matches and what is a directory', async () => {
    const { layers } = await convert(
      'FROM x AS b\nRUN c\nFROM scratch\nCOPY --from=b /d/*.so /e f/\nCOPY --from=b /g /h/',
    );
    expect(Object.keys(layers)).toEqual([
      'b',
      '${{IMAGE}}-copied',
      '${{IMAGE}}-copied-2',
      '${{IMAGE}}-copied-3',
      app,
    ]);
    expect(layers['${{IMAGE}}-copied']?.run).toContain('for copied in /d/*.so; do\n');
    expect(layers[app]?.imports).toContainEqual({
      path: 'stacker://${{IMAGE}}-copied-3/copied/',
      dest: '/h',
    });
  });

  it('ADD makes an archive the base of a layer, or of the image where it is the first', async () => {
    const header = Buffer.alloc(1024);
    header.write('file', 0);
    header.fill(' ', 148, 156);
    header.write(
      header
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0'),
      148,
    );
    writeFileSync(join(directory, 'a.tgz'), gzipSync(header));
    write('none.tgz');
    const first = await convert('FROM scratch\nADD a.tgz /');
    expect(first.layers[app]?.from).toEqual({ type: 'tar', url: 'a.tgz' });
    const { layers } = await convert('FROM x\nADD a.tgz /y\nADD none.tgz /z/');
    expect(layers).toMatchObject({
      '${{IMAGE}}-a.tgz': { build_only: true, from: { type: 'tar', url: 'a.tgz' } },
      [app]: {
        imports: [
          { path: 'stacker://${{IMAGE}}-a.tgz/', dest: '/y' },
          { path: 'none.tgz', dest: '/z/none.tgz' },
        ],
      },
    });
  });

  it('say what they leave out or guess', async () => {
    write('a');
    const { notes } = await convert(
      'FROM x AS y\nFROM x\nCOPY *.none /b/\nCOPY gone /gone\nADD git@host:x.git https://h/x.git#v1 /b/\nCOPY --parents a /b/\nCOPY a /b/c',
    );
    expect(notes.filter(note => !note.includes('environment'))).toEqual([
      '3: nothing matches *.none, it is left out',
      '4: gone is not there now, it is taken for a file',
      '5: ADD of a git repository has no place in a stacker file, it is left out',
      '5: ADD of a git repository has no place in a stacker file, it is left out',
      '6: --parents of COPY is left out',
      '7: /b/c is taken for a file; a directory needs a slash at its end',
    ]);
  });
});
