/** The words of artifacts. */
import { checksumAlgorithms } from '../../../plan/checksums.ts';
import type { ArtifactKind, Exclusion, Key, Keys } from './forms.ts';

const common: Keys = {
  name: { form: 'str', text: 'What identifies the artifact; made of path or address when not given.' },
  target: { form: 'str', text: 'The name of the file in the image; the last part of `name` when not given.' },
};

const description: Keys = { description: { form: 'str', text: 'What it is, and how to get it.' } };

const dest: Keys = {
  dest: { form: 'str', text: 'The directory of the image that it goes to; /tmp/artifacts/ when not given.' },
};

const attributes: Keys = {
  mode: { form: 'mode', text: 'The permissions of files, in octal: 0755 (ashlar only).' },
  uid: { form: 'id', text: 'The number of the owner; 0 when not given (ashlar only).' },
  gid: { form: 'id', text: 'The number of the group; 0 when not given (ashlar only).' },
  owner: { form: 'owner', text: 'Owner and group as numbers, "1001:0" (ashlar only).' },
};

const owners: readonly Exclusion[] = ['uid', 'gid'].map(key => ({
  keys: ['owner', key],
  message: () => `You cannot specify owner and ${key} together!`,
}));

export const originAlgorithms = ['sha256', 'sha1', 'md5'] as const;

const checksums: Keys = {
  md5: { form: 'str', text: 'The MD5 of the file.' },
  sha1: { form: 'str', text: 'The SHA-1 of the file.' },
  sha256: { form: 'str', text: 'The SHA-256 of the file.' },
  sha512: { form: 'str', text: 'The SHA-512 of the file.' },
};

const origin: Keys = {
  'source-url': { form: 'str', text: 'Where the sources of the artifact are; for OSBS.' },
  'source-md5': { form: 'str', text: 'The MD5 of the sources.' },
  'source-sha1': { form: 'str', text: 'The SHA-1 of the sources.' },
  'source-sha256': { form: 'str', text: 'The SHA-256 of the sources.' },
};

const git: Key = {
  form: {
    keys: {
      url: { form: 'str', text: 'The address of the repository.', required: true },
      ref: { form: 'str', text: 'A branch, tag or commit.', required: true },
    },
  },
  text: 'A git repository.',
  required: true,
};

const path: Key = {
  form: 'str',
  text: 'A file or directory, relative to this file. Of a directory, what is in it is copied.',
  required: true,
};

const pathKind: ArtifactKind = {
  kind: 'path',
  marks: ['path'],
  section: {
    name: '_PathResource',
    exclusive: owners,
    keys: { ...common, ...dest, ...description, path, ...checksums, ...attributes },
  },
};

const gitKind: ArtifactKind = {
  kind: 'git',
  marks: ['git'],
  section: {
    name: '_GitResource',
    exclusive: owners,
    keys: { ...common, ...description, git, ...attributes },
  },
};

export const artifactKinds: readonly ArtifactKind[] = [
  {
    kind: 'image',
    marks: ['image'],
    section: {
      name: '_ImageContentResource',
      exclusive: owners,
      keys: {
        ...common,
        ...dest,
        ...description,
        image: {
          form: 'str',
          text: 'The name of an earlier image of the list, or an image reference.',
          required: true,
        },
        path: { form: 'str', text: 'A file or directory of that image.', required: true },
        ...attributes,
      },
    },
  },
  pathKind,
  {
    kind: 'pnc',
    marks: ['pnc_build_id'],
    section: {
      name: '_PncResource',
      exclusive: owners,
      keys: {
        ...common,
        ...dest,
        ...description,
        pnc_artifact_id: { form: 'str', text: 'The identifier of the artifact.', required: true },
        pnc_build_id: { form: 'str', text: 'The identifier of the build.', required: true },
        url: { form: 'str', text: 'Where it can be had.' },
        ...attributes,
      },
    },
  },
  {
    kind: 'url',
    marks: ['url'],
    section: {
      name: '_UrlResource',
      exclusive: owners,
      keys: {
        ...common,
        ...dest,
        ...description,
        url: { form: 'str', text: 'An address: http, https or file.', required: true },
        ...checksums,
        ...origin,
        ...attributes,
      },
    },
  },
  gitKind,
  {
    kind: 'plain',
    marks: checksumAlgorithms,
    section: {
      name: '_PlainResource',
      exclusive: owners,
      keys: {
        ...common,
        name: { form: 'str', text: 'The name of the file in the cache.', required: true },
        ...dest,
        ...description,
        ...checksums,
        ...origin,
        ...attributes,
      },
    },
  },
];

/** What holds modules. */
export const repositoryKinds: readonly ArtifactKind[] = [pathKind, gitKind];
