/**
 * The words of CEKit's descriptors: the only place that knows which keys there are. The reader takes from here what it
 * accepts and suggests, and the JSON schemas what they tell editors.
 */

import { artifactKinds, repositoryKinds } from './artifact-kinds.ts';
import type { Key, Keys, Section } from './forms.ts';

const label: Section = {
  name: 'Label',
  keys: {
    name: { form: 'str', text: 'The name of the label.', required: true },
    value: {
      form: 'str',
      text: 'Its value. Quotes and `$` mean what they mean in a Dockerfile.',
      required: true,
    },
    description: { form: 'str', text: 'What it is about.' },
  },
};

const env: Section = {
  name: 'Env',
  open: true,
  keys: {
    name: { form: 'str', text: 'The name of the variable.', required: true },
    value: { form: 'any', text: 'Its value. Without one the entry is documentation only.' },
    example: { form: 'any', text: 'A value to show in the help page.' },
    description: { form: 'str', text: 'What it is about.' },
  },
};

const arg: Section = {
  name: 'Arg',
  keys: {
    name: { form: 'str', text: 'The name of the build argument.', required: true },
    value: { form: 'str', text: 'Its value unless the command line gives another.' },
    example: { form: 'str', text: 'A value to show in the help page.' },
    description: { form: 'str', text: 'What it is about.' },
  },
};

const port: Section = {
  name: 'Port',
  keys: {
    value: { form: 'port', text: 'The number of the port.', required: true },
    protocol: { form: 'str', text: 'The protocol: `tcp` (when not given), `udp` or `sctp`.' },
    service: { form: 'str', text: 'The name of the service.' },
    expose: { form: 'bool', text: 'Whether the image says that it listens there; `true` when not given.' },
    description: { form: 'str', text: 'What it is for.' },
  },
};

const volume: Section = {
  name: 'Volume',
  keys: {
    name: { form: 'str', text: 'A name; the last part of the path when not given.' },
    path: { form: 'str', text: 'The path of the image that containers keep on a volume.', required: true },
  },
};

const run: Section = {
  name: 'Run',
  keys: {
    workdir: { form: 'str', text: 'The directory in which containers start.' },
    user: {
      form: 'text',
      text: 'The user that containers run as, with or without `:group`; root when not given.',
    },
    cmd: { form: { listOf: 'str' }, text: 'What containers run, or the arguments of the entrypoint.' },
    entrypoint: { form: { listOf: 'str' }, text: 'The program that containers start.' },
  },
};

const execute: Section = {
  name: 'Execute',
  keys: {
    name: { form: 'str', text: 'Accepted and ignored.' },
    script: {
      form: 'str',
      text: 'A script, relative to the directory of the module. It is run with `sh -x`.',
      required: true,
    },
    user: { form: 'text', text: 'The user that runs it; root when not given.' },
  },
};

const install: Section = {
  name: 'Install',
  keys: {
    name: { form: 'str', text: 'The name of the module.', required: true },
    version: { form: 'str', text: 'Its version, in quotes; the newest when not given.' },
  },
};

const modules: Section = {
  name: 'Modules',
  keys: {
    repositories: {
      form: { artifacts: repositoryKinds },
      text: 'Where modules are: directories and git repositories.',
    },
    install: { form: { items: install }, text: 'The modules that are installed, in this order.' },
  },
};

export const managers = ['yum', 'dnf', 'microdnf', 'apk', 'apt-get'] as const;
export const managerAliases = { apt: 'apt-get' } as const;

const packageRepository: Section = {
  name: 'Repository',
  keys: {
    name: { form: 'str', text: 'The name of the repository.', required: true },
    id: { form: 'str', text: 'The identifier of a repository that the base image knows.' },
    url: {
      form: { keys: { repository: { form: 'str', text: 'The address of a .repo file.' } } },
      text: 'A repository that is known while the image is built.',
    },
    rpm: { form: 'str', text: 'A package that makes the repository known.' },
    description: { form: 'str', text: 'What it is for.' },
  },
  exclusive: [
    {
      keys: ['id', 'rpm', 'url'],
      message: name => `Repository '${name}' is invalid, you can use only one of ['id', 'rpm', 'url']`,
    },
  ],
};

const packages: Section = {
  name: 'Packages',
  exclusive: [
    {
      keys: ['content_sets', 'content_sets_file'],
      message: () =>
        "You cannot specify 'content_sets' and 'content_sets_file' together in the packages section!",
    },
  ],
  keys: {
    content_sets: {
      form: 'names by architecture',
      text: 'Content sets of a Red Hat system, by architecture.',
    },
    content_sets_file: { form: 'str', text: 'A YAML file with content sets, relative to this file.' },
    repositories: { form: { items: packageRepository }, text: 'Where packages come from.' },
    remove: { form: { listOf: 'text' }, text: 'Packages that are removed.' },
    install: { form: { listOf: 'text' }, text: 'Packages that are installed.' },
    reinstall: { form: { listOf: 'text' }, text: 'Packages that are installed again.' },
    manager: {
      form: { words: managers, aliases: managerAliases },
      text: 'The package manager; yum when nothing names one.',
    },
    manager_flags: { form: 'str', text: 'Flags instead of the usual ones; none when empty.' },
  },
};

const osbs: Section = {
  name: 'Osbs',
  keys: {
    repository: {
      form: {
        section: {
          name: 'Repository',
          keys: {
            name: { form: 'str', text: 'The name of the repository.' },
            branch: { form: 'str', text: 'Its branch.' },
          },
        },
      },
      text: 'The repository that OSBS builds from.',
    },
    configuration: {
      form: {
        section: {
          name: 'Configuration',
          exclusive: [
            {
              keys: ['container', 'container_file'],
              message: () => 'You cannot specify container and container_file together!',
            },
          ],
          keys: {
            container: { form: 'any', text: 'What container.yaml says.' },
            container_file: {
              form: 'str',
              text: 'A file that becomes container.yaml, relative to this file.',
            },
            gating_file: { form: 'str', text: 'A file that becomes gating.yaml, relative to this file.' },
          },
        },
      },
      text: 'Settings of OSBS.',
    },
    koji_target: { form: 'str', text: 'The target in Koji.' },
    extra_dir: { form: 'str', text: 'A directory beside the descriptor; osbs_extra when not given.' },
    extra_dir_target: { form: 'str', text: 'Where that directory goes in the image.' },
  },
};

const sections: Keys = {
  name: { form: 'str', text: 'The name of the image, without a registry.', required: true },
  version: { form: 'text', text: 'Its version.', required: true },
  schema_version: { form: 'int', text: 'Accepted and ignored.' },
  release: { form: 'text', text: 'Accepted and ignored.' },
  from: {
    form: 'str',
    text: 'What the image starts from: an image reference, an earlier image of the list, or scratch.',
  },
  follow_tag: {
    form: 'str',
    text: 'With --redhat: an image whose version and release labels name the base.',
  },
  description: { form: 'text', text: 'The labels `description` and `summary` of the image.' },
  args: { form: { items: arg }, text: 'Build arguments.' },
  labels: { form: { items: label }, text: 'Labels of the image.' },
  envs: { form: { items: env }, text: 'Environment variables of the image.' },
  ports: { form: { items: port }, text: 'Ports that containers listen on.' },
  run: { form: { section: run }, text: 'What containers run.' },
  artifacts: { form: { artifacts: artifactKinds }, text: 'Files that are copied into the image.' },
  modules: { form: { section: modules }, text: 'Modules, and where they are.' },
  packages: { form: { section: packages }, text: 'Packages, and where they come from.' },
  osbs: { form: { section: osbs }, text: 'Settings of the build system of Red Hat and Fedora.' },
  volumes: { form: { items: volume }, text: 'Paths that containers keep on volumes.' },
  help: {
    form: {
      keys: {
        add: { form: 'bool', text: 'Whether a help page is made.' },
        template: { form: 'text', text: 'A template for it, relative to this file.' },
      },
    },
    text: 'The help page of the image.',
  },
};

const outputs: Key = {
  form: 'outputs',
  text: 'What is made of the image, instead of the image alone: the image, disks, file systems, archives (ashlar only).',
};

export const image: Section = { name: 'Image', keys: { ...sections, outputs } };

export const module: Section = {
  name: 'Module',
  keys: { ...sections, execute: { form: { items: execute }, text: 'Scripts that are run, in this order.' } },
};

const removal: Section = {
  name: 'Remove',
  keys: {
    labels: { form: { listOf: 'str' }, text: 'Names of labels.' },
    envs: { form: { listOf: 'str' }, text: 'Names of environment variables.' },
    args: { form: { listOf: 'str' }, text: 'Names of build arguments.' },
    ports: { form: { listOf: 'int' }, text: 'Numbers of ports.' },
    volumes: { form: { listOf: 'str' }, text: 'Paths of volumes.' },
    artifacts: { form: { listOf: 'str' }, text: 'Names of artifacts.' },
    modules: { form: { listOf: 'str' }, text: 'Names of modules in `modules.install`.' },
    packages: { form: { listOf: 'text' }, text: 'Packages, wherever they are listed.' },
    repositories: { form: { listOf: 'str' }, text: 'Names of package repositories.' },
  },
};

export const overrides: Section = {
  name: 'Overrides',
  keys: {
    ...sections,
    name: { form: 'str', text: 'Another name of the image.' },
    version: { form: 'text', text: 'Another version of it.' },
    outputs,
    stage: {
      form: 'str',
      text: 'The name of the one image of the list that is meant; all are when not given (ashlar only).',
    },
    remove: { form: { section: removal }, text: 'What the descriptor says and is not wanted (ashlar only).' },
  },
};
