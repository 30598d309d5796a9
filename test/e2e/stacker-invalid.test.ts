/** Files that cannot be built: the literal words, status 1, and nothing half-written, neither before nor after. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failureOf, stackerProgram, useWorkspace } from './support.ts';

/** Directives of a layer and the words of the error, one of each kind: test/recipes/stacker has them all. */
const directives: readonly (readonly [text: string, message: string])[] = [
  ['frm: {type: scratch}', 'stackerfile: unknown directive frm'],
  ['run: "true"', 'invalid layer: no base (from directive)'],
  ['from: {type: nope, url: x}', 'unknown layer type: nope'],
  ['from: {type: docker, adress: x}', 'stackerfile: unknown image source directive adress'],
  ['from: {type: built}', "l: from tag cannot be empty for image type 'built'"],
  ['from: {type: built, tag: gone}', "couldn't resolve some dependencies"],
  ['{from: {type: scratch}, imports: {path: a}}', "'imports' expected an array, found "],
  ['{from: {type: scratch}, imports: [{path: a, dest: b}]}', "'dest' path cannot be relative for: "],
  ['{from: {type: scratch}, imports: [ftp://a/b]}', 'unsupported url scheme ftp://a/b'],
  ['{from: {type: scratch}, imports: [a], import: [b]}', "layer 'l' cannot have both 'import' and 'imports'"],
  ['{from: {type: scratch}, run: [a, 5]}', 'unknown run array type: int'],
  ['{from: {type: scratch}, cmd: "a \'b"}', 'No closing quotation'],
  ['{from: {type: scratch}, binds: [a b]}', 'invalid Bind: a b'],
  ['{from: {type: scratch}, os: }', 'stackerfile: "os" value cannot be empty'],
];

/** What turns out when the layer's turn comes: an earlier layer might have made it. */
const later: readonly (readonly [text: string, message: string])[] = [
  ['imports: [nowhere]', "couldn't stat import "],
  ['overlay_dirs: [{source: nowhere}]', 'Given overlay_dir '],
  ['overlay_dirs: [{source: stacker.yaml}]', 'should be a directory'],
];

const files: readonly (readonly [text: string, message: string])[] = [
  ['5: {from: {type: scratch}}\n', 'stackerfile: cannot cast 5 to string'],
  ['a: {from: {type: scratch}\n', "couldn't parse stacker file stacker.yaml"],
  ['a:\n\tfrom: {type: scratch}\n', "couldn't parse stacker file stacker.yaml"],
  [
    'a:b: {from: {type: scratch}}\n',
    "using ':' in the layer name (a:b) is forbidden due to overlay constraints",
  ],
  ['a: {from: {type: scratch}}\na: {from: {type: scratch}}\n', 'duplicate layer name: both '],
  ['config: [a]\n', "stackerfile: cannot interpret 'config' value, note the 'config' section in the "],
  ['a: {from: {type: scratch}} # ${{NAME}}\n', 'no value for substitution NAME'],
];

/** Flags of `build` that are refused with a file that is fine. */
const flags: readonly (readonly [flags: readonly string[], message: string])[] = [
  [['--substitute', 'A'], 'invalid substition A'],
  [['--substitute-file', 'none.yaml'], 'unable to read substitute-file:none.yaml, err:'],
  [['--substitute-file', 'list.yaml'], 'unable to unmarshal substitute-file:list.yaml, err:'],
  [['--layer-type', 'zip'], 'unknown layer type: zip'],
  [['--on-run-failure', 'a', '--shell-fail'], '--shell-fail is incompatible with --on-run-failure=a'],
];

describe('stacker refuses', () => {
  const workspace = useWorkspace(stackerProgram);

  describe('a layer with', () => {
    it.each(directives)('%s', async (text, message) => {
      const project = workspace.project();
      // What is fine is not built either, as long as anything is wrong.
      const error = await project.failure(`fine: {from: {type: scratch}}\nl:\n  ${text}\n`);
      expect(error).toContain(message);
      expect(error).toMatch(/^ {2}--> stacker\.yaml:\d+:\d+$/m);
      expect(leftIn(project.path)).toEqual([]);
    });
  });

  describe('a file with', () => {
    it.each(files)('%j', async (text, message) => {
      const project = workspace.project();
      expect(await project.failure(text)).toContain(message);
      expect(leftIn(project.path)).toEqual([]);
    });
  });

  it.each(later)('a layer with %s, when its turn comes', async (text, message) => {
    const project = workspace.project();
    const error = await project.failure(`l:\n  from: {type: scratch}\n  ${text}\n`);
    expect(error).toContain(message);
    expect(error).toMatch(/^ {2}--> stacker\.yaml:3:\d+$/m);
    expect(project.tags()).toEqual([]);
    expect(readdirSync(project.at('oci/blobs/sha256'))).toEqual([]);
  });

  it.each(flags)('the flags %j', async (args, message) => {
    const project = workspace.project();
    project.write('list.yaml', '- a\n');
    expect(await project.failure('a: {from: {type: scratch}}\n', args)).toContain(message);
    expect(leftIn(project.path)).toEqual([]);
  });

  it('a missing file', async () => {
    const project = workspace.project();
    const message = failureOf(await project.ashlar(['build', '-f', 'none.yaml']));
    expect(message).toContain("couldn't read stacker file");
    expect(leftIn(project.path)).toEqual([]);
  });

  it('output and trees in places that cannot hold them', async () => {
    const project = workspace.project();
    const text = 'a: {from: {type: scratch}}\n';
    project.write('file', '');
    project.write('full/something', '');
    const fail = (...globals: string[]) => project.failure(text, [], { globals });
    expect(await fail('--oci-dir', 'file')).toContain(
      `parameter oci-dir="${project.at('file')}" exists but is not a directory.`,
    );
    expect(await fail('--oci-dir', 'full')).toContain(
      `parameter oci-dir="${project.at('full')}" exists but does not look like an OCI Layout.`,
    );
    expect(await fail('--roots-dir', 'a:b')).toContain(
      "using ':' in the name of --roots-dir (a:b) is forbidden due to overlay constraints",
    );
    expect(await fail('--debug', '--quiet')).toContain("debug and quiet don't make sense together");
    expect(readdirSync(project.at('full'))).toEqual(['something']);
  });

  it('work with another kind of storage, and with an epoch that is no number', async () => {
    const project = workspace.project();
    const text = 'a: {from: {type: scratch}}\n';
    const env = { SOURCE_DATE_EPOCH: 'soon' };
    expect(await project.failure(text, [], { env })).toContain('invalid SOURCE_DATE_EPOCH value "soon": ');
    project.write('.stacker/storage.type', 'btrfs');
    expect(await project.failure(text)).toContain(
      'previous storage type btrfs not compatible with requested storage overlay',
    );
    expect(project.hasLayout()).toBe(false);
  });

  it('to change anything of an earlier build', async () => {
    const project = workspace.project();
    await project.build('a: {from: {type: scratch}, labels: {l: first}}\nb: {from: {type: scratch}}\n');
    const before = project.image('a').digest;
    const broken = 'a: {from: {type: scratch}, labels: {l: second}}\nb: {from: {type: nope}}\n';
    expect(await project.failure(broken)).toContain('unknown layer type: nope');
    expect(project.tags()).toEqual(['a', 'b']);
    expect(project.image('a').digest).toBe(before);
  });
});

/** The tests' own files, and what says whose directory it is: locks and settings, no results. */
const expected = /^(stacker\.yaml|list\.yaml|store.*|config|(\.stacker|roots)(\/(\.lock|storage\.type))?)$/;

/** What a refused build left in a directory. */
function leftIn(path: string): readonly string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.filter(name => !expected.test(name));
}
