/**
 * The words of descriptions in schema 8.5: the only place that knows which elements and attributes there are. The
 * reader takes from here what it accepts and suggests, and the manual its tables.
 */
import { type Attributes, type Children, type ElementRule, ignored, type ValueForm } from './forms.ts';
import { arch, attribute, needed, value } from './rows.ts';
import { typeAttributes } from './type-attributes.ts';
import { typeChildren } from './type-children.ts';
import { imageTypes, packageManagers } from './words.ts';

const profiles: Attributes = {
  profiles: attribute('profiles', 'The profiles that it is for; all, and none, when not given.'),
};
const name = (text: string): Attributes => ({ name: needed('text', text) });
const ignoredArch: Attributes = {
  arch: attribute('architectures', 'Accepted.', ignored('KIWI ignores it, too')),
};

const locales: ValueForm = {
  pattern: /^(C|POSIX|[a-z]{2,3}_[A-Z]{2})(,[a-z]{2,3}_[A-Z]{2})*$/,
  like: 'languages like en_US or de_DE,en_US',
};

/** It becomes part of the names of files. */
const version: ValueForm = { pattern: /^[^\s/]+$/, like: 'a version like 1.0.0' };

const type: ElementRule = {
  text: 'Something to make of the tree.',
  attributes: typeAttributes,
  children: typeChildren,
};

const preferences: ElementRule = {
  text: 'How the tree is set up, and what is made of it.',
  attributes: { ...profiles, ...arch },
  children: {
    version: ['?', value(version, 'The version of the image; of several sections the first counts.')],
    packagemanager: [
      '?',
      value(
        { words: packageManagers },
        'What installs packages; `dnf4` when none is given, the first counts.',
      ),
    ],
    'release-version': ['?', value('text', 'What `$releasever` stands for; the first counts.')],
    locale: ['?', value(locales, 'The languages; the last section counts.')],
    keytable: ['?', value('text', 'The keyboard; the last section counts.')],
    timezone: ['?', value('text', 'The time zone; the last section counts.')],
    'rpm-check-signatures': [
      '?',
      value('boolean', 'Whether signatures of packages are checked; the first counts.'),
    ],
    'rpm-excludedocs': ['?', value('boolean', 'Whether documentation is left out; the first counts.')],
    'rpm-locale-filtering': [
      '?',
      value('boolean', 'Whether other languages are left out; the first counts.'),
    ],
    'bootsplash-theme': ['?', value('text', 'The picture at the start.')],
    'bootloader-theme': ['?', value('text', 'The theme of the boot menu; the last section counts.')],
    showlicense: ['*', value('text', 'A licence that the first start shows; it is named in /.profile.')],
    type: ['*', type],
  },
};

const user: ElementRule = {
  text: 'A user; groups of all definitions of a name are joined.',
  attributes: {
    ...name('The name.'),
    password: needed('text', 'The password, encrypted where nothing else is said.'),
    pwdformat: attribute(
      { words: ['encrypted', 'plain'] },
      'What the password is; `encrypted` when not given.',
    ),
    home: attribute('text', 'The home directory.'),
    shell: attribute('text', 'The shell.'),
    id: attribute('integer', 'The number.'),
    realname: attribute('text', 'The name in full.'),
    groups: attribute(
      'text',
      'Groups with commas between, `name` or `name:gid`; the first is the primary one.',
    ),
  },
};

const repository: ElementRule = {
  text: 'Where packages come from.',
  attributes: {
    ...profiles,
    ...arch,
    type: attribute(
      { words: ['apk', 'apt-deb', 'apt-rpm', 'deb-dir', 'mirrors', 'rpm-md'] },
      'What kind of repository it is.',
    ),
    alias: attribute('text', 'Its name.'),
    priority: attribute({ pattern: /^-?\d{1,9}$/, like: 'a whole number' }, 'Its priority.'),
    imageinclude: attribute('boolean', 'Whether the image knows it, too.'),
    imageonly: attribute('boolean', 'Whether only the image knows it.'),
    distribution: attribute('text', 'The distribution of a Debian repository.'),
    components: attribute('text', 'Its components, with blanks between; `main` when not given.'),
    repository_gpgcheck: attribute('boolean', 'Whether its signature is checked.'),
    package_gpgcheck: attribute('boolean', 'Whether the signatures of its packages are checked.'),
    customize: attribute('text', 'A script that is run on the file which describes it.'),
    architectures: attribute('text', 'The machines of a Debian repository, with commas between.'),
    sourcetype: attribute({ words: ['baseurl', 'metalink', 'mirrorlist'] }, 'What its address is.'),
    username: attribute('text', 'Who may read it.'),
    password: attribute('text', 'The password for that.'),
  },
  children: {
    source: [
      '1',
      {
        text: 'Its address.',
        attributes: {
          path: needed('text', 'http, https, ftp, dir, file, this, obs or obsrepositories, or a path.'),
        },
        children: {
          signing: [
            '*',
            { text: 'A key that signs it.', attributes: { key: needed('text', 'Where the key is.') } },
          ],
        },
      },
    ],
  },
};

const packages: ElementRule = {
  text: 'What the tree is made of.',
  attributes: {
    type: needed(
      { words: ['bootstrap', 'image', 'delete', 'uninstall', 'systemfiles', ...imageTypes] },
      'When they are installed, or for which image type, or that they are removed; `systemfiles` is ignored.',
    ),
    ...profiles,
    ...arch,
    patternType: attribute(
      { words: ['onlyRequired', 'plusRecommended'] },
      'Whether recommended packages come along; `onlyRequired` when not given.',
    ),
    bootstrap_package: attribute(
      'text',
      'The package that holds a bootstrapped tree, with apt.',
      ignored('the tree is made of the packages themselves'),
    ),
  },
  children: {
    package: [
      '*',
      {
        text: 'A package.',
        attributes: {
          ...name('Its name.'),
          ...arch,
          bootinclude: attribute('boolean', 'An old word.', ignored('KIWI ignores it, too')),
          bootdelete: attribute('boolean', 'An old word.', ignored('KIWI ignores it, too')),
        },
      },
    ],
    archive: [
      '*',
      {
        text: 'An archive beside the description that is unpacked.',
        attributes: {
          ...name('Its file.'),
          target_dir: attribute('text', 'Where; the root when not given.'),
          bootinclude: attribute('boolean', 'An old word.', ignored('KIWI ignores it, too')),
        },
      },
    ],
    file: [
      '*',
      {
        text: 'A file beside the description that is copied.',
        attributes: {
          ...name('The file.'),
          target: attribute('text', 'Its directory or full name; the root when not given.'),
          owner: attribute('text', 'Its owner, `user:group`.'),
          permissions: attribute({ pattern: /^[0-7]{3,4}$/, like: 'a mode like 644' }, 'Its mode.'),
          ...ignoredArch,
        },
      },
    ],
    namedCollection: [
      '*',
      { text: 'A pattern or group of packages.', attributes: { ...name('Its name.'), ...arch } },
    ],
    product: ['*', { text: 'A product.', attributes: { ...name('Its name.'), ...arch } }],
    ignore: [
      '*',
      { text: 'A package that is not installed.', attributes: { ...name('Its name.'), ...arch } },
    ],
    collectionModule: [
      '*',
      {
        text: 'A module of dnf.',
        attributes: {
          ...name('Its name.'),
          enable: attribute('boolean', 'Whether it is on; `true` when not given.'),
          stream: attribute('text', 'Its stream.'),
          ...arch,
        },
      },
    ],
  },
};

const listed = (text: string): ElementRule => ({
  text,
  attributes: { ...name('The file.'), ...ignoredArch },
});

const children: Children = {
  include: [
    '*',
    {
      text: 'A file whose elements come in its place.',
      attributes: { from: needed('text', 'this://, file: or a path.') },
    },
  ],
  description: [
    '1',
    {
      text: 'Who made this, and what it is.',
      attributes: { type: needed({ words: ['system', 'boot'] }, '`system`.') },
      children: {
        author: ['+', value('lines', 'The name of the author.')],
        contact: ['*', value('lines', 'The address of the author.')],
        specification: ['1', value('lines', 'What the image is for.')],
        license: ['?', value('lines', 'Its licence.')],
      },
    },
  ],
  preferences: ['+', preferences],
  profiles: [
    '*',
    {
      text: 'Names for variants.',
      children: {
        profile: [
          '+',
          {
            text: 'One of them.',
            attributes: {
              ...name('Its name.'),
              description: needed('text', 'What it is for.'),
              import: attribute('boolean', 'Whether it is on when no profile is asked for.'),
              ...arch,
            },
            children: {
              requires: [
                '*',
                {
                  text: 'Another profile that comes along.',
                  attributes: { profile: needed('text', 'Its name.'), ...arch },
                },
              ],
            },
          },
        ],
      },
    },
  ],
  users: [
    '*',
    { text: 'Users of the tree.', attributes: { ...profiles, ...arch }, children: { user: ['+', user] } },
  ],
  drivers: [
    '*',
    {
      text: 'Drivers; they are named in /.profile.',
      attributes: { ...profiles, ...arch },
      children: { file: ['+', listed('A driver.')] },
    },
  ],
  strip: [
    '*',
    {
      text: 'Files that scripts take away; they are named in /.profile.',
      attributes: {
        type: needed({ words: ['delete', 'tools', 'libs'] }, 'What is done with them.'),
        ...profiles,
        ...arch,
      },
      children: { file: ['+', listed('A file.')] },
    },
  ],
  repository: ['*', repository],
  packages: ['*', packages],
  certificates: [
    '?',
    {
      text: 'Certificates that the tree trusts.',
      attributes: {
        ...profiles,
        target_distribution: needed(
          { words: ['suse', 'redhat', 'debian', 'archlinux'] },
          'The distribution, which says where they go.',
        ),
      },
      children: { certificate: ['+', { text: 'A certificate.', attributes: name('The file.') }] },
    },
  ],
  containers: [
    '*',
    {
      text: 'Containers that come with the image; a build of it is refused.',
      attributes: {
        source: needed('text', 'The registry.'),
        backend: needed({ words: ['podman', 'docker', 'container-snap'] }, 'What runs them.'),
        ...profiles,
        ...arch,
      },
      children: {
        container: [
          '+',
          {
            text: 'One of them.',
            attributes: {
              ...name('Its name.'),
              tag: attribute('text', 'Its tag; `latest` when not given.'),
              path: attribute('text', 'Where it is in the registry.'),
              fetch_only: attribute('boolean', 'Whether it is only stored, not loaded.'),
              ...arch,
            },
          },
        ],
      },
    },
  ],
  extension: [
    '*',
    { text: 'Data of other programs.', open: true, outcome: ignored('it is for other programs') },
  ],
};

/** The root of all. */
export const image: ElementRule = {
  text: 'A description.',
  attributes: {
    name: needed(
      { pattern: /^[a-zA-Z0-9_.-]+$/, like: 'letters, digits, and _ . -' },
      'The name of the image.',
    ),
    schemaversion: needed('text', 'The version of the schema, 7.4 to 8.5; older words become newer ones.'),
    displayname: attribute('text', 'The title in boot menus.'),
    id: attribute('text', 'A number, written to /etc/ImageID.'),
    'xmlns:xsi': attribute('text', 'A name space.', ignored('name spaces mean nothing here')),
    'xsi:noNamespaceSchemaLocation': attribute(
      'text',
      'Where editors find the schema.',
      ignored('the schema is built in'),
    ),
  },
  children,
};
