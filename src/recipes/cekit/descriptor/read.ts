/** Descriptors out of YAML. Nothing but the text is looked at. */
import { AshlarError } from '../../../support/errors.ts';
import { given } from '../../../support/given.ts';
import { parseYaml, type YamlNode } from '../../../support/yaml.ts';
import { readOutputs } from '../../outputs.ts';
import { readArtifact, readModuleRepository } from './artifacts.ts';
import { checkSections, fieldsOf, type Listener } from './check.ts';
import {
  type Fields,
  flagField,
  listField,
  mapField,
  nullableTextField,
  numberField,
  numbersField,
  openFields,
  pathField,
  plainOf,
  requiredText,
  textField,
  textsField,
  wordsField,
} from './fields.ts';
import type { Section } from './forms.ts';
import { resolvePythonScalar } from './python.ts';
import type {
  DescriptorSource,
  RawConfiguration,
  RawContentSets,
  RawEnv,
  RawImage,
  RawModule,
  RawOsbs,
  RawOverrides,
  RawPackages,
  RawPort,
  RawRemoval,
  RawRepository,
  RawSections,
} from './types.ts';
import { image, managerAliases, managers, module, overrides } from './vocabulary.ts';

export type { Listener } from './check.ts';

/** The images of a descriptor, the target last. All that is wrong with it comes as one `AshlarError`. */
export function readDescriptor(source: DescriptorSource, listener: Listener): readonly RawImage[] {
  const node = parse(source);
  if (node.kind === 'list') {
    if (node.items.length === 0) throw new AshlarError('the descriptor lists no image', { at: node.span });
    const items = node.items.map((item, index) => ({ node: item, item: `[${index}]` }));
    checkSections(items, image, listener);
    return node.items.map(item => readImage(fieldsFrom(item, source), listener));
  }
  return [readImage(openTop(node, image, source, listener), listener)];
}

/** A module.yaml; errors as those of descriptors. */
export function readModule(source: DescriptorSource, listener: Listener): RawModule {
  const fields = openTop(parse(source), module, source, listener);
  return {
    ...readImage(fields, listener),
    execute: listField(fields, 'execute', entry => ({
      script: requiredText(entry, 'script'),
      ...given({ user: textField(entry, 'user'), name: textField(entry, 'name') }),
      at: entry.node.span,
    })),
    directory: source.directory,
  };
}

/** One override; errors as those of descriptors. */
export function readOverrides(source: DescriptorSource, listener: Listener): RawOverrides {
  const node = parse(source);
  // A file in which everything is commented out changes nothing.
  const fields = node.kind === 'null' ? fieldsFrom(node, source) : openTop(node, overrides, source, listener);
  return {
    ...readSections(fields, listener),
    ...given({ stage: textField(fields, 'stage') }),
    remove: readRemoval(mapField(fields, 'remove')),
  };
}

function parse({ source }: DescriptorSource): YamlNode {
  try {
    return parseYaml(source, resolvePythonScalar);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError('Cannot load descriptor', { at: error.at, cause: error });
  }
}

function openTop(node: YamlNode, section: Section, source: DescriptorSource, listener: Listener): Fields {
  const at = node.span;
  if (node.kind === 'null') {
    throw new AshlarError('the descriptor is empty', { at, hint: 'it needs at least `name` and `version`' });
  }
  if (looksLikeStacker(node)) {
    throw new AshlarError('this is a stacker file, no CEKit descriptor', { at, hint: 'build it with -f' });
  }
  checkSections([{ node, item: '' }], section, listener);
  return fieldsFrom(node, source);
}

/** A map of layers: everything in it is a map, and one at least says what it starts from. */
function looksLikeStacker(node: YamlNode): boolean {
  const values = [...fieldsOf(node).values()];
  return values.every(({ kind }) => kind === 'map') && values.some(value => fieldsOf(value).has('from'));
}

function fieldsFrom(node: YamlNode, { directory }: DescriptorSource): Fields {
  return openFields(node, { node, values: new Map(), directory });
}

function readImage(fields: Fields, listener: Listener): RawImage {
  return {
    ...readSections(fields, listener),
    name: requiredText(fields, 'name'),
    version: requiredText(fields, 'version'),
  };
}

function readSections(fields: Fields, listener: Listener): RawSections {
  return {
    ...given({
      name: textField(fields, 'name'),
      version: textField(fields, 'version'),
      schemaVersion: numberField(fields, 'schema_version'),
      release: textField(fields, 'release'),
      from: textField(fields, 'from'),
      followTag: textField(fields, 'follow_tag'),
      description: textField(fields, 'description'),
    }),
    labels: listField(fields, 'labels', label => ({
      name: requiredText(label, 'name'),
      value: requiredText(label, 'value'),
      ...readDescription(label),
      at: label.node.span,
    })),
    envs: listField(fields, 'envs', readEnv),
    args: listField(fields, 'args', arg => ({
      name: requiredText(arg, 'name'),
      ...given({ value: nullableTextField(arg, 'value'), example: textField(arg, 'example') }),
      ...readDescription(arg),
      at: arg.node.span,
    })),
    ports: listField(fields, 'ports', port => readPort(port, listener)),
    volumes: listField(fields, 'volumes', volume => ({
      path: requiredText(volume, 'path'),
      ...given({ name: textField(volume, 'name') }),
      at: volume.node.span,
    })),
    artifacts: listField(fields, 'artifacts', artifact => readArtifact(artifact, listener)),
    run: readRun(mapField(fields, 'run')),
    modules: readModules(mapField(fields, 'modules'), listener),
    packages: readPackages(mapField(fields, 'packages')),
    osbs: readOsbs(fields),
    help: readHelp(mapField(fields, 'help')),
    ...given({ outputs: readOutputsField(fields) }),
    at: fields.node.span,
  };
}

function readDescription(fields: Fields) {
  return given({ description: textField(fields, 'description') });
}

function readEnv(env: Fields): RawEnv {
  const known = new Set(['name', 'value', 'example', 'description']);
  const others = [...env.values].filter(([key]) => !known.has(key));
  return {
    name: requiredText(env, 'name'),
    ...given({ value: nullableTextField(env, 'value'), example: textField(env, 'example') }),
    ...readDescription(env),
    others: Object.fromEntries(others.map(([key, node]) => [key, plainOf(node)])),
    at: env.node.span,
  };
}

function readPort(port: Fields, listener: Listener): RawPort {
  return {
    value: numberField(port, 'value') ?? { value: 0, at: port.node.span },
    ...given({
      protocol: readProtocol(port, listener),
      service: textField(port, 'service'),
      expose: flagField(port, 'expose'),
    }),
    ...readDescription(port),
    at: port.node.span,
  };
}

const protocols = ['tcp', 'udp', 'sctp'];

/** CEKit takes any word here, and whatever it is for tcp; engines refuse images with others than these. */
function readProtocol(port: Fields, { warn }: Listener): RawPort['protocol'] {
  const protocol = textField(port, 'protocol');
  if (protocol === undefined || protocols.includes(protocol.text.toLowerCase())) return protocol;
  warn(
    `'${protocol.text}' is not the protocol of a port (${protocols.join(', ')}): tcp is taken`,
    protocol.at,
  );
  return undefined;
}

function readRun(run: Fields): RawSections['run'] {
  return given({
    user: nullableTextField(run, 'user'),
    workdir: nullableTextField(run, 'workdir'),
    cmd: wordsField(run, 'cmd'),
    entrypoint: wordsField(run, 'entrypoint'),
  });
}

function readModules(modules: Fields, listener: Listener): RawSections['modules'] {
  return {
    repositories: listField(modules, 'repositories', entry => readModuleRepository(entry, listener)),
    install: listField(modules, 'install', entry => ({
      name: requiredText(entry, 'name'),
      ...given({ version: textField(entry, 'version') }),
      at: entry.node.span,
    })),
  };
}

function readPackages(packages: Fields): RawPackages {
  return {
    ...given({
      manager: readManager(packages),
      managerFlags: nullableTextField(packages, 'manager_flags'),
      contentSets: readContentSets(packages),
    }),
    install: textsField(packages, 'install'),
    remove: textsField(packages, 'remove'),
    reinstall: textsField(packages, 'reinstall'),
    repositories: listField(packages, 'repositories', readRepository),
  };
}

function readManager(packages: Fields): RawPackages['manager'] {
  const word = textField(packages, 'manager');
  if (word === undefined) return undefined;
  const aliases = Object.entries(managerAliases);
  const name = aliases.find(([alias]) => alias === word.text)?.[1] ?? word.text;
  const value = managers.find(manager => manager === name);
  return value && { value, at: word.at };
}

function readContentSets(packages: Fields): RawContentSets | null | undefined {
  const file = pathField(packages, 'content_sets_file');
  if (file !== undefined) return { kind: 'file', file, at: file.at };
  const sets = packages.values.get('content_sets') ?? packages.values.get('content_sets_file');
  if (sets === undefined) return undefined;
  if (sets.kind === 'null') return null;
  const below = openFields(sets, packages);
  const names = [...below.values.keys()].map(key => [key, textsField(below, key).map(({ text }) => text)]);
  return { kind: 'sets', sets: Object.fromEntries(names), at: sets.span };
}

function readRepository(fields: Fields): RawRepository {
  const base = {
    name: requiredText(fields, 'name'),
    ...readDescription(fields),
    at: fields.node.span,
  };
  const id = textField(fields, 'id');
  const rpm = textField(fields, 'rpm');
  const url = textField(mapField(fields, 'url'), 'repository');
  if (id !== undefined) return { ...base, kind: 'id', id };
  if (rpm !== undefined) return { ...base, kind: 'rpm', rpm };
  if (url !== undefined) return { ...base, kind: 'url', url };
  return { ...base, kind: 'plain' };
}

function readOsbs(fields: Fields): RawOsbs {
  const section = fields.values.get('osbs');
  if (section === undefined) return {};
  const osbs = openFields(section, fields);
  const repository = mapField(osbs, 'repository');
  return given({
    repository: notEmpty(
      given({ name: textField(repository, 'name'), branch: textField(repository, 'branch') }),
    ),
    configuration: readConfiguration(osbs),
    kojiTarget: textField(osbs, 'koji_target'),
    extraDir: pathField(osbs, 'extra_dir'),
    extraDirTarget: textField(osbs, 'extra_dir_target'),
    at: section.span,
  });
}

function readConfiguration(osbs: Fields): RawConfiguration | undefined {
  const fields = mapField(osbs, 'configuration');
  const container = fields.values.get('container');
  const configuration = notEmpty(
    given({
      container:
        container && container.kind !== 'null'
          ? { value: plainOf(container), at: container.span }
          : undefined,
      containerFile: pathField(fields, 'container_file'),
      gatingFile: pathField(fields, 'gating_file'),
    }),
  );
  return configuration && { ...configuration, at: fields.node.span };
}

function readHelp(help: Fields): RawSections['help'] {
  return given({ add: flagField(help, 'add'), template: pathField(help, 'template') });
}

function readOutputsField({ values }: Fields): RawSections['outputs'] {
  const node = values.get('outputs');
  if (node === undefined || node.kind === 'null') return node && null;
  // The check has told what is odd.
  return { wanted: readOutputs(node, () => {}), plain: plainOf(node) };
}

function readRemoval(fields: Fields): RawRemoval {
  return {
    labels: textsField(fields, 'labels'),
    envs: textsField(fields, 'envs'),
    args: textsField(fields, 'args'),
    ports: numbersField(fields, 'ports'),
    volumes: textsField(fields, 'volumes'),
    artifacts: textsField(fields, 'artifacts'),
    modules: textsField(fields, 'modules'),
    packages: textsField(fields, 'packages'),
    repositories: textsField(fields, 'repositories'),
  };
}

function notEmpty<T extends object>(values: T): T | undefined {
  return Object.keys(values).length === 0 ? undefined : values;
}
