import { posix } from 'node:path';
import type { SourceSpan } from '../../support/errors.ts';
import { defaultPath } from '../references.ts';
import type { From, HostDirectory, ImportEntry, Layer, LayerConfig, Mount, Pair } from './layer.ts';
import { isRootUser, type ShellWriter } from './shell.ts';
import { concat, equalTexts, isLiteral, literal, plain, type Text } from './text.ts';

/** Directories that every usual base has. In them, and not over them, goes a file that is copied "to" them. */
const usualDirectories = [
  '/bin /boot /dev /etc /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib',
  '/usr/local /usr/local/bin /usr/local/etc /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share',
  '/usr/src /var /var/cache /var/lib /var/log /var/tmp',
].flatMap(line => line.split(' '));

/** What the base of a stage passes on. */
export interface Inherited {
  readonly from: From;
  /** Environment variables of the base; undefined when they are not known. */
  readonly environment: ReadonlyMap<string, Text> | undefined;
  readonly arguments: ReadonlyMap<string, Text>;
  readonly workingDir: Text;
  readonly user: Text | undefined;
  readonly shell: readonly string[];
  /** Known directories of the base. */
  readonly directories: Iterable<string>;
  /** Whether something has been run on the base, so that it has a shell. */
  readonly ran: boolean;
}

export const nothing: Inherited = {
  from: { type: 'scratch' },
  environment: new Map(),
  arguments: new Map(),
  workingDir: ['/'],
  user: undefined,
  shell: ['/bin/sh', '-c'],
  directories: ['/'],
  ran: false,
};

export const image = (
  url: Text,
  known: Partial<Pick<Inherited, 'environment' | 'workingDir' | 'user'>>,
): Inherited => ({
  ...nothing,
  environment: undefined,
  ...known,
  from: { type: 'docker', url },
  directories: ['/', ...usualDirectories],
});

/** A working directory, and the WORKDIR that asks for it. */
interface Missing {
  readonly path: Text;
  readonly at: SourceSpan;
}

/** A part of a stage that makes one layer of the stacker file: what is copied, and then what is run. */
interface Segment {
  readonly overlayDirs: HostDirectory[];
  readonly imports: ImportEntry[];
  /** Owners and permissions of what has been copied, set before anything else runs. */
  readonly corrections: Text[];
  readonly script: Text[];
  binds: readonly HostDirectory[];
  /** The variables that the script has now, once something has run. */
  variables: Map<string, Text> | undefined;
  buildEnv: readonly Pair[];
  directory: Text;
  home: string;
}

const newSegment = (): Segment => ({
  overlayDirs: [],
  imports: [],
  corrections: [],
  script: [],
  binds: [],
  variables: undefined,
  buildEnv: [],
  directory: ['/'],
  home: '',
});

/**
 * A stage of a Dockerfile while its instructions are read. In a layer of a stacker file everything is copied before
 * something is run. So a copy after a run begins a new layer on the one before, which is not put out itself.
 */
export class Stage {
  readonly name: Text;
  readonly environment: Map<string, Text>;
  readonly arguments: Map<string, Text>;
  readonly comments: string[] = [];
  readonly labels = new Map<string, Text>();
  readonly authors: string[] = [];
  readonly volumes = new Set<string>();
  /** Volumes as binds for what runs later. */
  readonly binds: HostDirectory[] = [];
  user: Text | undefined;
  shell: readonly string[];
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  ran: boolean;
  from: From;
  readonly #inherited: Inherited;
  readonly #own = new Set<string>();
  readonly #write: ShellWriter;
  readonly #platform: Readonly<Record<string, string>>;
  readonly #directories: Set<string>;
  readonly #finished: Segment[] = [];
  #workingDir: Text;
  #segment = newSegment();
  /** Working directories that nothing has made yet. */
  #missing: Missing[] = [];

  constructor(
    name: Text,
    inherited: Inherited,
    platform: Readonly<Record<string, string>>,
    write: ShellWriter,
  ) {
    this.name = name;
    this.#inherited = inherited;
    this.from = inherited.from;
    this.environment = new Map(inherited.environment ?? [['PATH', [defaultPath]]]);
    this.arguments = new Map(inherited.arguments);
    this.user = inherited.user;
    this.shell = inherited.shell;
    this.ran = inherited.ran;
    this.#workingDir = inherited.workingDir;
    this.#directories = new Set(inherited.directories);
    this.#platform = platform;
    this.#write = write;
  }

  /** What a stage that continues this one starts with. */
  heritage(): Inherited {
    return {
      from: { type: 'built', tag: this.name },
      environment: this.environment,
      arguments: this.arguments,
      workingDir: this.#workingDir,
      user: this.user,
      shell: this.shell,
      directories: this.#directories,
      ran: this.ran,
    };
  }

  /** The value of a variable: ENV wins over ARG. */
  lookUp(name: string): Text | undefined {
    return this.environment.get(name) ?? this.arguments.get(name);
  }

  setEnvironment(name: string, value: Text): void {
    this.environment.set(name, value);
    this.#own.add(name);
  }

  /** The absolute path for one that may be relative to the working directory. */
  absolute(path: Text): Text {
    const whole = plain(path).startsWith('/') ? path : concat(this.#workingDir, ['/'], path);
    if (isLiteral(whole)) return literal(withoutSlash(posix.normalize(plain(whole))));
    return trimmed(whole);
  }

  setWorkingDir(path: Text, at: SourceSpan): void {
    this.#workingDir = this.absolute(path);
    if (!this.isDirectory(this.#workingDir)) this.#missing.push({ path: this.#workingDir, at });
    this.#know(plain(this.#workingDir));
  }

  isDirectory(path: Text): boolean {
    return this.#directories.has(plain(path));
  }

  /** Adds an import that becomes a path of the image, before anything else is run. */
  copy(entry: ImportEntry & { readonly dest: Text }, isDirectory: boolean): void {
    this.#beforeCopy(entry.dest, isDirectory);
    this.#segment.imports.push(entry);
  }

  /** Merges a directory into one of the image, with the permissions of the directories in it. */
  overlay(source: Text, dest: Text): void {
    // In a layer of stacker these come before the imports.
    if (this.#segment.imports.length > 0) this.#cut();
    this.#beforeCopy(dest, true);
    this.#segment.overlayDirs.push({ source, dest });
  }

  #beforeCopy(dest: Text, isDirectory: boolean): void {
    const target = plain(dest);
    const below = ({ path }: Missing) => {
      const wanted = plain(path);
      return target.startsWith(`${wanted}/`) || (isDirectory && target === wanted);
    };
    if (this.#missing.some(below)) {
      // A copy makes the directories on its way as root's.
      if (this.user === undefined || isRootUser(this.user))
        this.#missing = this.#missing.filter(missing => !below(missing));
      else this.#makeMissing();
    }
    if (this.#segment.script.length > 0) this.#cut();
    this.#know(isDirectory ? target : posix.dirname(target));
  }

  /** Begins with the tree of an archive instead of nothing, if nothing has been done yet. */
  startFrom(archive: Text): boolean {
    const { overlayDirs, imports, script } = this.#segment;
    const untouched = overlayDirs.length + imports.length + script.length + this.#finished.length === 0;
    if (this.from.type !== 'scratch' || !untouched) return false;
    this.from = { type: 'tar', url: archive };
    for (const directory of usualDirectories) this.#directories.add(directory);
    return true;
  }

  /** Makes the directory of a file that is to be copied, as its owner's, where it may be missing. */
  prepareFor(path: Text, owner: Text): void {
    const parent = literal(posix.dirname(plain(path)));
    // Without a RUN so far there may be no shell to do it.
    if (!this.ran || !isLiteral(path) || this.isDirectory(parent)) return;
    this.#segment.script.push(...this.#write.makeDirectory(parent, owner));
    this.#know(plain(parent));
  }

  /** Sets what an import cannot: owners by name, permissions of directories. */
  correct(line: Text): void {
    this.#segment.corrections.push(line);
  }

  /** Runs a command, which sees the imports. */
  run(command: readonly string[], mounts: readonly Mount[] = [], imports: readonly ImportEntry[] = []): void {
    if (this.#mustCutBeforeRun()) this.#cut();
    this.#segment.binds = [...this.binds];
    this.#segment.imports.push(...imports, ...mounts.flatMap(mount => mount.imports));
    this.ran = true;
    this.#makeMissing();
    this.#setVariables();
    const { script } = this.#segment;
    // A directory that is put aside must not be the current one.
    const aside = mounts.some(({ target }) => `${plain(this.#workingDir)}/`.startsWith(`${plain(target)}/`));
    if (aside) this.#changeDirectory(['/']);
    script.push(...mounts.flatMap(({ before }) => before));
    this.#changeDirectory(this.#workingDir);
    script.push(this.#write.runAs(this.user, command));
    if (aside) this.#changeDirectory(['/']);
    script.push(...mounts.toReversed().flatMap(({ after }) => after));
  }

  /**
   * Whether what ran before must not have what is new: a bind, which holds for all of a layer, or a value that is
   * known only in the build, which no quotes of a script keep from being more than a value.
   */
  #mustCutBeforeRun(): boolean {
    const { script, binds, variables } = this.#segment;
    if (script.length === 0) return false;
    if (this.binds.length > binds.length) return true;
    return (
      variables !== undefined &&
      [...this.#variables()].some(
        ([name, value]) => !isLiteral(value) && !equalTexts(value, variables.get(name)),
      )
    );
  }

  /** What a RUN has now: ENV wins over ARG. */
  #variables(): Map<string, Text> {
    return new Map([...this.arguments, ...this.environment]);
  }

  #changeDirectory(path: Text): void {
    if (!equalTexts(this.#segment.directory, path))
      this.#segment.script.push(this.#write.changeDirectory(path));
    this.#segment.directory = path;
  }

  #setVariables(): void {
    const segment = this.#segment;
    const wanted = this.#variables();
    if (segment.variables === undefined) segment.buildEnv = [...wanted];
    else {
      for (const [name, value] of wanted) {
        if (!equalTexts(segment.variables.get(name), value))
          segment.script.push(this.#write.setVariable(name, value));
      }
    }
    const home = wanted.has('HOME') ? '' : this.#write.setHome(this.user);
    if (home !== segment.home && home !== '') segment.script.push([home]);
    segment.variables = wanted;
    segment.home = home;
  }

  #makeMissing(): void {
    for (const { path } of this.#missing)
      this.#segment.script.push(...this.#write.makeDirectory(path, this.user));
    this.#missing = [];
  }

  #cut(): void {
    this.#finished.push(this.#segment);
    this.#segment = newSegment();
  }

  /** Remembers a directory and those that it is in. */
  #know(path: string): void {
    for (let known = path; !this.#directories.has(known); known = posix.dirname(known))
      this.#directories.add(known);
  }

  /**
   * The layers of the stage; only the last one has what goes to the image config. `orphans` are working directories
   * that nothing makes: without a RUN there may be no shell to make them. `architecture` is what scripts know as
   * `arch`.
   */
  finish(
    last: boolean,
    architecture: string | undefined,
    nameOf: (i: number) => Text,
  ): { layers: Layer[]; orphans: Missing[] } {
    if (this.ran) this.#makeMissing();
    // Nothing that has run has seen the last volumes, but a chroot into the layer is to see them.
    if (this.binds.length > this.#segment.binds.length) {
      if (this.#segment.corrections.length + this.#segment.script.length > 0) this.#cut();
      this.#segment.binds = this.binds;
    }
    const orphans = this.#missing;
    const segments = [...this.#finished, this.#segment];
    const layers = segments.map((segment, i): Layer => {
      const final = i === segments.length - 1;
      const { overlayDirs, imports, corrections, script, binds, buildEnv } = segment;
      return {
        name: final ? this.name : nameOf(i),
        comments: final ? this.comments : [],
        from: i === 0 ? this.from : { type: 'built', tag: nameOf(i - 1) },
        platform: this.#platform,
        buildOnly: !(final && last),
        overlayDirs,
        imports,
        binds,
        // What the Dockerfile calls arch itself is the later one, and wins.
        buildEnv:
          architecture === undefined ? buildEnv : [...new Map([['arch', [architecture]], ...buildEnv])],
        run: [...corrections, ...script],
        config: final ? this.#config() : {},
      };
    });
    return { layers, orphans };
  }

  #config(): LayerConfig {
    const { entrypoint, cmd } = this;
    const inherited = this.#inherited;
    const environment = [...this.environment].filter(([name]) => this.#own.has(name));
    return {
      environment,
      labels: [...this.labels],
      annotations:
        this.authors.length > 0 ? [['org.opencontainers.image.authors', [this.authors.join(', ')]]] : [],
      volumes: [...this.volumes].map(literal),
      ...(equalTexts(this.#workingDir, inherited.workingDir) ? {} : { workingDir: this.#workingDir }),
      ...(this.user === undefined || equalTexts(this.user, inherited.user) ? {} : { user: this.user }),
      ...(entrypoint && { entrypoint }),
      // An ENTRYPOINT takes away the CMD that the base brings.
      ...((cmd ?? entrypoint) && { cmd: cmd ?? [] }),
    };
  }
}

const withoutSlash = (path: string): string => (path.length > 1 ? path.replace(/\/+$/, '') : path);

/** Without what means nothing at the end. */
function trimmed(path: Text): Text {
  const last = path.at(-1);
  return typeof last === 'string' ? concat(path.slice(0, -1), literal(last.replace(/(\/\.?)+$/, ''))) : path;
}
