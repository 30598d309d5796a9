import fc from 'fast-check';
import { parseStackerFile } from '../../../src/recipes/stacker/file.ts';
import { readLayer } from '../../../src/recipes/stacker/layer.ts';
import { addFileOrder, buildOrder, checkBoundSources } from '../../../src/recipes/stacker/order.ts';
import { AshlarError } from '../../../src/support/errors.ts';
import { sourceText } from '../../../src/support/source-text.ts';
import { testOptions } from './load.ts';

/** All of loading but the reading of files. Returns what was made, or the user's error. */
export function planText(text: string, options = testOptions()): unknown {
  try {
    const file = parseStackerFile(
      sourceText('/d/stacker.yaml', text),
      { typed: 'stacker.yaml' },
      [],
      options,
    );
    const images = file.layers.map(layer => readLayer(layer, file, {}, options));
    checkBoundSources(images);
    return addFileOrder(buildOrder(images, new Set(), new Map(), options), options);
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
}

export const words = [
  ...[
    'from',
    'type',
    'url',
    'tag',
    'insecure',
    'docker',
    'oci',
    'tar',
    'scratch',
    'built',
    'stack',
    'layers',
    'conflicts',
    'library_cache',
    'outputs',
    'disk',
    'filesystem',
    'apply',
    'first',
    'drop',
  ],
  ...[
    'import',
    'imports',
    'path',
    'hash',
    'dest',
    'mode',
    'uid',
    'gid',
    'overlay_dirs',
    'source',
    'run',
    'cmd',
  ],
  ...['entrypoint', 'full_command', 'environment', 'labels', 'volumes', 'working_dir', 'user', 'annotations'],
  ...[
    'build_env',
    'build_env_passthrough',
    'build_only',
    'binds',
    'os',
    'arch',
    'bom',
    'config',
    'prerequisites',
  ],
  ...[
    'docker://a',
    'oci:a:b',
    'stacker://l/a',
    'http://h/a',
    '/a',
    'a -> b',
    '.*',
    '(',
    '__proto__',
    'constructor',
  ],
  ...['l', '', ' ', '<<', 'y', '0755', '1.5', '-1', 'null', '\0', '"', '\n'],
];
const scalar = fc.oneof(
  fc.constantFrom(...words),
  fc.constantFrom(true, false, null, 0, -1, 0o755, 1.5, 1e300),
);
export const key = fc.constantFrom(...words);
export const { value } = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));

const layer = fc
  .dictionary(key, value, { maxKeys: 3 })
  .map(layer => ({ from: { type: 'scratch' }, ...layer }));

/** Anything that could stand in a stacker file, some of it in the right places. */
export const stackerFiles = fc.oneof(fc.dictionary(key, fc.oneof(layer, value), { maxKeys: 4 }), value);

const text = fc.oneof(fc.constantFrom('/a', 'b', 'a -> b', '', 'stacker://l/x', 'http://h/f'), scalar);
const texts = fc.oneof(fc.array(text, { maxLength: 2 }), text);
const textMap = fc.oneof(fc.dictionary(fc.constantFrom('A', 'b.c'), text, { maxKeys: 2 }), text);
const number = fc.constantFrom(0, 7, 0o755, -1, 1.5, null, '5');
const entries = (fields: Record<string, fc.Arbitrary<unknown>>) => {
  const entry = fc.oneof(text, fc.record(fields, { requiredKeys: [] }));
  return fc.oneof(fc.array(entry, { maxLength: 2 }), entry);
};
const from = {
  type: fc.constantFrom('docker', 'oci', 'tar', 'scratch', 'built', null),
  url: fc.constantFrom('docker://a', 'oci:a:b', 'a:b', 'http://h/a.tar', '', null),
  tag: fc.constantFrom('l', '', null, 5),
  insecure: fc.constantFrom(true, false, null, 'yes'),
  hash: fc.constantFrom('', 'ab'.repeat(32), 'abc', null),
};
const part = fc.record(from, { requiredKeys: ['type'] });
const parts = fc.array(part, { maxLength: 2 });
const policy = fc.constantFrom('error', 'warn', 'last', 'first', 'lats', '', null);
const stack = {
  conflicts: fc.oneof(
    policy,
    fc.dictionary(fc.constantFrom('default', '/etc/**', 'a'), policy, { maxKeys: 2 }),
  ),
  library_cache: fc.constantFrom('drop', 'regenerate', 'keep', null),
};
const imports = entries({
  path: text,
  hash: from.hash,
  dest: fc.constantFrom('/a/', '/b', 'c', '', null),
  mode: number,
  uid: number,
  gid: number,
});
const outputs = fc.oneof(
  fc.constantFrom('oci', 'erofs', 'tar.gz', 'disk', { filesystem: 'ext4' }, { cpio: null }),
  fc.record({
    disk: fc.record(
      {
        filesystem: fc.constantFrom('xfs', 'ntfs', null),
        size: fc.constantFrom('4G', '+1.5M', 4096, 'big', null),
        verity: from.insecure,
        format: fc.constantFrom('qcow2', ['vdi', 'ova'], [], 'floppy', null),
        hostname: text,
      },
      { requiredKeys: [] },
    ),
  }),
);
const paths = entries({ source: text, dest: text });

/** Files of one layer whose directives mostly have values of the right shape. */
export const likelyFiles = fc.record({
  l: fc
    .record(
      {
        from: fc.oneof(part, parts, fc.record({ type: fc.constant('stack'), layers: parts, ...stack })),
        layers: parts,
        ...stack,
        apply: entries({ url: from.url, insecure: from.insecure }),
        imports,
        import: imports,
        overlay_dirs: paths,
        binds: paths,
        run: texts,
        cmd: texts,
        environment: textMap,
        volumes: texts,
        working_dir: text,
        user: text,
        build_env_passthrough: texts,
        build_only: from.insecure,
        outputs: fc.array(fc.oneof(outputs, text), { maxLength: 3 }),
        os: text,
      },
      { requiredKeys: [] },
    )
    .map(layer => ({ from: { type: 'scratch' }, ...layer })),
});
