/**
 * A description as statements of a Dockerfile, in CEKit's order and with its words. This is the only place that knows
 * the order: both the Plan and the printed Dockerfile are made of these statements.
 */
import { posix } from 'node:path';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import type {
  Arg,
  Artifact,
  Description,
  ImageArtifact,
  Label,
  Located,
  Port,
  Repository,
  Section,
  Stage,
  Volume,
} from '../model.ts';
import type { CekitOptions } from '../options.ts';
import {
  changePackages,
  cleanUp,
  hasPackages,
  installRepository,
  leavesCaches,
  type ShellLine,
} from './packages.ts';
import { byName, caseless, sortedBy } from './sorting.ts';

export type UrlRepository = Extract<Repository, { kind: 'url' }>;
export type FileArtifact = Exclude<Artifact, ImageArtifact>;

/** A name and what it is set to, the latter as text of a Dockerfile that is not yet evaluated. */
export interface Pair {
  readonly name: Located;
  readonly value: Located;
}

export type Statement = {
  /** What a comment above it says. */
  readonly about?: string;
  readonly at: SourceSpan;
} & (
  | { readonly kind: 'user'; readonly user: Located }
  | { readonly kind: 'workdir'; readonly path: Located }
  | { readonly kind: 'arg'; readonly arg: Arg }
  | { readonly kind: 'env' | 'label'; readonly pairs: readonly Pair[] }
  | { readonly kind: 'expose'; readonly ports: readonly Port[] }
  | { readonly kind: 'volume'; readonly volume: Volume }
  | { readonly kind: 'entrypoint' | 'cmd'; readonly words: readonly Located[] }
  | CopyStatement
  | { readonly kind: 'copy-from'; readonly artifact: ImageArtifact }
  /** A module's directory, to `/tmp/scripts/<name>`. */
  | { readonly kind: 'copy-module'; readonly section: Section }
  | { readonly kind: 'copy-repositories'; readonly files: readonly UrlRepository[] }
  /** `directory` is absolute. */
  | { readonly kind: 'copy-extra'; readonly directory: string; readonly target: Located }
  /** `$REMOTE_SOURCE` to `$REMOTE_SOURCE_DIR`, as OSBS sets them. */
  | { readonly kind: 'copy-remote-source' }
  /** Run by the shell. Where `removes` is there, it does nothing but remove what is at these absolute paths. */
  | { readonly kind: 'shell'; readonly lines: readonly ShellLine[]; readonly removes?: readonly string[] }
  /** Run without a shell. */
  | { readonly kind: 'script'; readonly command: readonly string[]; readonly script: Located }
);

/** Files and contents of directories that go to one directory, with one owner and mode. */
interface CopyStatement {
  readonly kind: 'copy';
  readonly artifacts: readonly FileArtifact[];
  /** Ends with a slash. Text of a Dockerfile. */
  readonly dest: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** The statements of one stage after its FROM. */
export interface StageStatements {
  readonly stage: Stage;
  readonly builder: boolean;
  readonly start: readonly Statement[];
  /** The modules in the order of installation, then the image itself. */
  readonly sections: readonly SectionStatements[];
  readonly end: readonly Statement[];
}

export interface SectionStatements {
  readonly section: Section;
  readonly module: boolean;
  readonly statements: readonly Statement[];
}

export type StatementOptions = Pick<CekitOptions, 'version' | 'layers'>;

/**
 * The statements of all stages, the target last.
 * Throws an `AshlarError` where a name cannot stand in an image.
 */
export function statementsOf(
  description: Description,
  options: StatementOptions,
): readonly StageStatements[] {
  return [
    ...description.builders.map(stage => stageStatements(stage, true, options)),
    stageStatements(description.target, false, options),
  ];
}

/** The labels of the image itself, with those that CEKit adds to the target. */
export function targetLabels({ name, description, image }: Stage, version: string): readonly Label[] {
  const label = (name: string, value: Located): Label => ({ name: { text: name, at: value.at }, value });
  const labels = [...image.labels, label('io.cekit.version', { text: version, at: name.at })];
  const labelled = (name: string) => labels.findLast(label => label.name.text === name)?.value;
  if (labelled('description') === undefined && description !== undefined && description.text !== '') {
    labels.push(label('description', description));
  }
  const summary = labelled('description');
  if (labelled('summary') === undefined && summary !== undefined) labels.push(label('summary', summary));
  return labels;
}

function stageStatements(stage: Stage, builder: boolean, options: StatementOptions): StageStatements {
  const labels = builder ? stage.image.labels : targetLabels(stage, options.version);
  const section = (section: Section, module: boolean): SectionStatements => ({
    section,
    module,
    statements: [...sectionStatements(stage, section, module, options)],
  });
  return {
    stage,
    builder,
    start: [...startStatements(stage, builder)],
    sections: [
      ...stage.modules.map(module => section(module, true)),
      section({ ...stage.image, labels }, false),
    ],
    end: [...endStatements(stage, builder, options)],
  };
}

function* startStatements(stage: Stage, builder: boolean): Generator<Statement> {
  const { osbs, repositories, at } = stage;
  if (!builder && osbs.extraDirTarget !== undefined) {
    const target = osbs.extraDirTarget;
    yield { kind: 'copy-extra', directory: osbs.extraDir, target, at: target.at };
  }
  if (!isScratch(stage)) yield rootUser(stage);
  if (osbs.remoteSource) {
    const place = osbs.at ?? at;
    yield { kind: 'copy-remote-source', at: place };
    yield { kind: 'workdir', path: { text: '$REMOTE_SOURCE_DIR/app', at: place }, at: place };
  }
  const files = urlRepositories(stage);
  const [file] = files;
  if (file !== undefined) {
    yield { about: 'Add custom repo files', kind: 'copy-repositories', files, at: file.at };
  }
  for (const repository of repositories) {
    if (repository.kind !== 'rpm') continue;
    yield { kind: 'shell', lines: installRepository(stage, repository.rpm), at: repository.at };
  }
  yield* argStatements(stage.args);
}

function* sectionStatements(
  stage: Stage,
  section: Section,
  module: boolean,
  { layers }: StatementOptions,
): Generator<Statement> {
  const { name, at } = section;
  const kind = module ? 'module' : 'image';
  const owner = `'${name}' ${kind}`;
  const fromStages = section.artifacts.filter(artifact => artifact.kind === 'image');

  yield* copyStatements(
    section.artifacts.filter(artifact => artifact.kind !== 'image'),
    owner,
  );
  for (const [i, artifact] of fromStages.entries()) {
    yield { ...once(i, `Copy ${owner} stage artifacts`), kind: 'copy-from', artifact, at: artifact.at };
  }
  if (section.execute.length > 0) {
    yield { about: `Copy ${owner} content`, kind: 'copy-module', section, at };
  }
  if (hasPackages(section)) {
    yield {
      ...rootUser(stage),
      about: `Switch to 'root' user for package management for ${owner} defined packages`,
    };
    const clean = layers !== 'one' && leavesCaches(stage);
    yield {
      kind: 'shell',
      lines: changePackages(stage, section, { owner, clean }),
      at: [...section.remove, ...section.install, ...section.reinstall][0]?.at ?? at,
    };
  }
  if (module) yield* argStatements(section.args);
  const envs = section.envs.flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value }]));
  yield* pairStatement('env', envs, `Set ${owner} defined environment variables`);
  yield* pairStatement('label', section.labels, `Set ${owner} defined labels`);
  const ports = section.ports.filter(({ expose }) => expose);
  const [port] = ports;
  if (port !== undefined) {
    yield { about: `Exposed ports in ${owner}`, kind: 'expose', ports, at: port.at };
  }
  for (const [i, { script, user }] of section.execute.entries()) {
    yield { ...once(i, `Custom scripts from ${owner}`), kind: 'user', user, at: user.at };
    const command = ['sh', '-x', `${scriptsDirectory}/${name}/${script.text}`];
    yield { kind: 'script', command, script, at: script.at };
  }
  for (const [i, volume] of section.volumes.entries()) {
    yield {
      ...once(i, `Volumes defined in the ${owner}`),
      kind: 'volume',
      volume,
      at: volume.path.at,
    };
  }
}

/** Where module directories are while the image is built. */
export const scriptsDirectory = '/tmp/scripts';

/** Where artifacts are that do not say where they go. */
const artifactsDirectory = '/tmp/artifacts';

function* endStatements(stage: Stage, builder: boolean, { layers }: StatementOptions): Generator<Statement> {
  const { osbs, run, at } = stage;
  const shell = (...lines: string[]) =>
    ({ kind: 'shell', lines: lines.map(text => ({ text })), at: osbs.at ?? at }) as const;
  if (osbs.remoteSource) yield shell('rm -rf $REMOTE_SOURCE_DIR');
  if (builder) return;
  if (!isScratch(stage)) {
    yield { ...rootUser(stage), about: "Switch to 'root' user and remove artifacts and modules" };
    const removes = [scriptsDirectory, artifactsDirectory];
    yield { ...shell(`rm -rf ${removes.map(quoted).join(' ')}`), removes, at };
  }
  if (layers === 'one' && leavesCaches(stage)) {
    yield { about: 'Clear package manager metadata', kind: 'shell', lines: cleanUp(stage), at };
  }
  const files = urlRepositories(stage);
  const [file] = files;
  if (file !== undefined) {
    const removes = files.map(({ fileName }) => `${repositoriesDirectory}${fileName}`);
    const command = `rm -f ${removes.map(quoted).join(' ')}`;
    yield { ...shell(command), removes, about: 'Remove custom repo files', at: file.at };
  }
  if (!isScratch(stage)) {
    const user = run.user ?? { text: 'root', at };
    yield { about: 'Define the user', kind: 'user', user, at: user.at };
  }
  if (run.workdir !== undefined) {
    yield { about: 'Define the working directory', kind: 'workdir', path: run.workdir, at: run.workdir.at };
  }
  if (run.entrypoint !== undefined) {
    const words = run.entrypoint;
    yield { about: 'Define entrypoint', kind: 'entrypoint', words, at: words[0]?.at ?? at };
  }
  if (run.cmd !== undefined) {
    yield { about: 'Define run cmd', kind: 'cmd', words: run.cmd, at: run.cmd[0]?.at ?? at };
  }
}

/** A path as a word of a shell command. */
const quoted = (path: string): string => `"${path.replaceAll(/["$`\\]/g, '\\$&')}"`;

/** Where repository files are while packages are installed. */
export const repositoriesDirectory = '/etc/yum.repos.d/';

/** CEKit compares the text, so that a stage of this name counts, too. */
const isScratch = ({ from }: Stage): boolean => from.text === 'scratch';

const rootUser = ({ at }: Stage) => ({ kind: 'user', user: { text: 'root', at }, at }) as const;

const urlRepositories = ({ repositories }: Stage): readonly UrlRepository[] =>
  repositories.filter(repository => repository.kind === 'url');

const once = (i: number, about: string): { readonly about?: string } => (i === 0 ? { about } : {});

function* argStatements(args: readonly Arg[]): Generator<Statement> {
  for (const arg of byName(args)) {
    yield { kind: 'arg', arg, at: arg.name.at };
  }
}

function* pairStatement(kind: 'env' | 'label', given: readonly Pair[], about: string): Generator<Statement> {
  const [first] = given;
  if (first === undefined) return;
  // Space before a name is mere indentation to the parser of a Dockerfile; descriptors in use have it.
  const pairs = byName(given).map(({ name, value }) => ({
    name: { ...name, text: name.text.trimStart() },
    value,
  }));
  for (const { name } of pairs) {
    if (name.text === '' || /\s/.test(name.text)) {
      const what = kind === 'env' ? 'an environment variable' : 'a label';
      const why = 'it has a space in it or is empty';
      throw new AshlarError(`'${name.text}' cannot be the name of ${what}: ${why}`, { at: name.at });
    }
  }
  yield { about, kind, pairs, at: first.name.at };
}

function* copyStatements(artifacts: readonly FileArtifact[], owner: string): Generator<Statement> {
  const groups = Map.groupBy(artifacts, ({ dest, target, mode, uid, gid }) =>
    JSON.stringify([directoryOf(dest, target), mode, uid, gid]),
  );
  const statements = [...groups.values()].flatMap(group => {
    const [first] = group;
    if (first === undefined) return [];
    const { mode, uid, gid, at } = first;
    const dest = directoryOf(first.dest, first.target);
    const about = `Copy ${owner} general artifacts to '${dest}' destination`;
    return [
      {
        about,
        kind: 'copy',
        artifacts: group,
        dest,
        ...(mode === undefined ? {} : { mode }),
        ...(uid === undefined ? {} : { uid }),
        ...(gid === undefined ? {} : { gid }),
        at,
      } as const,
    ];
  });
  yield* sortedBy(statements, ({ dest }) => caseless(dest));
}

/** A target may have directories in front of it, below `dest`. */
function directoryOf(dest: string, target: string): string {
  const below = posix.dirname(target);
  return below === '.' ? dest : `${posix.join(dest, below)}/`;
}
