/**
 * The words of a stacker file: the only place that knows which keys there are. The reader takes from here what it
 * accepts and suggests, and the JSON schema what it tells editors.
 */
import type { StackBase } from '../../plan/types.ts';

type ConflictPolicy = StackBase['conflicts']['policy'];

/** What a value looks like. `schema.ts` says it to editors. */
export type Form =
  | 'text'
  | 'flag'
  | 'script'
  | 'words'
  | 'text map'
  | 'text list'
  | 'file list'
  | 'hash'
  | 'mode'
  | 'id'
  | 'absolute path'
  | 'base type'
  | 'base'
  | 'bases'
  | 'conflicts'
  | 'library cache'
  | 'applied images'
  | 'imports'
  | 'legacy imports'
  | 'overlay dirs'
  | 'binds'
  | 'outputs'
  | 'anything';

interface Key {
  readonly form: Form;
  /** For people who write the file: editors show it. */
  readonly text: string;
  readonly deprecated?: true;
}

export type Keys = Readonly<Record<string, Key>>;

export const configKeys: Keys = {
  prerequisites: {
    form: 'file list',
    text: 'Stacker files that are built before this one, relative to it. Their layers may be used here.',
  },
};

/** What describes a stack: beside `from`, or in it. */
export const stackKeys: Keys = {
  layers: { form: 'bases', text: 'With `type: stack`: what is stacked, the lowest first.' },
  conflicts: {
    form: 'conflicts',
    text:
      'What happens where the layers of a stack disagree: one policy, or a map of policies by path, in which the last ' +
      'pattern that matches decides, and `default` where none does (ashlar only).',
  },
  library_cache: {
    form: 'library cache',
    text: 'What becomes of /etc/ld.so.cache where several layers of a stack have changed it (ashlar only).',
  },
};

/** What may happen where layers of a stack disagree. */
export const conflictPolicies: Readonly<Record<ConflictPolicy, string>> = {
  error: 'Nothing is built.',
  warn: 'The upper layer wins, and is reported. The default.',
  last: 'The upper layer wins.',
  first: 'The lower layer wins.',
};

export const libraryCaches: Readonly<Record<StackBase['libraryCache'], string>> = {
  regenerate: 'It is made anew with the ldconfig of the image. The default.',
  drop: 'It is left out.',
};

export const layerKeys: Keys = {
  from: { form: 'base', text: 'What the layer starts from; a list is stacked, the lowest first.' },
  ...stackKeys,
  imports: {
    form: 'imports',
    text:
      'Files and directories of the host, of other layers or of the web. Without `dest`, `run` sees them read-only in ' +
      '/stacker/imports; with `dest` they become part of the image.',
  },
  import: {
    form: 'legacy imports',
    text: 'The older form of `imports`: `run` sees the files in /stacker.',
    deprecated: true,
  },
  overlay_dirs: {
    form: 'overlay dirs',
    text: 'Directories of the host that are laid over the base, each as a layer of its own, owned by root.',
  },
  run: {
    form: 'script',
    text: 'Commands that are run in the layer, with `/bin/sh -xe` unless the first line begins with `#!`.',
  },
  cmd: {
    form: 'words',
    text: 'What a container runs, or the arguments of its entrypoint. An empty list clears it.',
  },
  entrypoint: { form: 'words', text: 'The program that a container starts. An empty list clears it.' },
  full_command: { form: 'words', text: 'The entrypoint; an inherited `cmd` is cleared.' },
  environment: { form: 'text map', text: 'Environment variables of containers. `run` does not see them.' },
  labels: { form: 'text map', text: 'Labels in the config of the image. They win over `generate_labels`.' },
  volumes: { form: 'text list', text: 'Paths of the image that containers keep on volumes.' },
  working_dir: { form: 'text', text: 'The directory in which containers start.' },
  user: { form: 'text', text: 'The user that containers run as. The same as `runtime_user`.' },
  runtime_user: { form: 'text', text: 'The user that containers run as.' },
  generate_labels: {
    form: 'script',
    text: 'Commands that run after `run` on a copy of the result: each file they write to /oci-labels is a label.',
  },
  annotations: { form: 'text map', text: 'Annotations of the manifest, added to those of the base.' },
  build_env: { form: 'text map', text: 'Environment variables of `run`.' },
  build_env_passthrough: {
    form: 'text list',
    text:
      'Regular expressions for whole names of variables that `run` gets from the host. Without it: the proxy ' +
      'variables, TERM and SOURCE_DATE_EPOCH.',
  },
  build_only: { form: 'flag', text: 'The layer is for other layers to use, and no image of the output.' },
  outputs: {
    form: 'outputs',
    text: 'What is made of the layer, instead of the image alone: the image, disks, file systems, archives (ashlar only).',
  },
  binds: {
    form: 'binds',
    text: 'Files and directories of the host that `run` may read and write. They are never part of the image.',
  },
  os: {
    form: 'text',
    text: 'The operating system of the image, in the words of Go. The default is that of the host.',
  },
  arch: {
    form: 'text',
    text: 'The architecture of the image, in the words of Go. The default is that of the host.',
  },
  apply: {
    form: 'applied images',
    text:
      'Images whose layers are added before `run`, without those that are there already; changes of one text file are ' +
      'merged: docker://host/repository:tag, or oci:directory:tag with a directory relative to the current one.',
  },
  bom: { form: 'anything', text: 'Accepted and ignored.', deprecated: true },
};

export const fromKeys: Keys = {
  type: { form: 'base type', text: 'What kind of base it is.' },
  url: {
    form: 'text',
    text:
      'Where the base is: an image reference for `docker`, `directory:tag` for `oci`, an archive for `tar`. Local ' +
      'paths are relative to the current directory.',
  },
  tag: { form: 'text', text: 'For `built`: the name of a layer of this file or of a prerequisite.' },
  insecure: {
    form: 'flag',
    text: 'Allows plain http, and certificates that cannot be verified, for this base.',
  },
  hash: { form: 'hash', text: 'The SHA-256 of the archive (ashlar only).' },
  ...stackKeys,
};

export const applyKeys: Keys = {
  url: { form: 'text', text: 'An image reference, as in a list of them.' },
  insecure: {
    form: 'flag',
    text: 'Allows plain http, and certificates that cannot be verified, for this image.',
  },
};

/** The types of bases, and the key that each of them needs. */
export const baseTypes: Readonly<Record<string, { readonly text: string; readonly needs?: 'url' | 'tag' }>> =
  {
    docker: { text: 'An image of a registry, docker://host/repository:tag.', needs: 'url' },
    oci: { text: 'An image in an OCI layout, directory:tag.', needs: 'url' },
    tar: { text: 'A tar archive: a path, http(s)://… or stacker://layer/path.', needs: 'url' },
    built: { text: 'Another layer of this file or of a prerequisite.', needs: 'tag' },
    scratch: { text: 'Nothing; with `url` the same as `tar`.' },
    stack: { text: 'The layers of other bases, one above the other.' },
  };

export const importKeys: Keys = {
  path: {
    form: 'text',
    text: 'A file or directory relative to the stacker file, http(s)://… or stacker://layer/path.',
  },
  hash: { form: 'hash', text: 'The SHA-256 of the file.' },
  dest: {
    form: 'absolute path',
    text:
      'Where it goes in the image. With a slash at the end it is put into that directory under its own name, ' +
      'unless the path ends with a slash too.',
  },
  mode: { form: 'mode', text: 'The permissions of files, in octal: 0755.' },
  uid: { form: 'id', text: 'The number of the owner; 0 when not given.' },
  gid: { form: 'id', text: 'The number of the group; 0 when not given.' },
};

export const overlayDirKeys: Keys = {
  source: { form: 'text', text: 'A directory of the host, relative to the stacker file.' },
  dest: { form: 'text', text: 'The directory of the image that it is laid over; / when not given.' },
};

export const bindKeys: Keys = {
  source: { form: 'text', text: 'A file or directory of the host, relative to the stacker file.' },
  dest: { form: 'text', text: 'Where `run` sees it; the same path when not given.' },
};
