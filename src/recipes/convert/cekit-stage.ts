import { lstatSync, statSync } from 'node:fs';
import { basename, join, posix, relative } from 'node:path';
import { stringify } from 'yaml';
import type { CopyItem, ImagePlan, Import, RunStep, Source, Text } from '../../plan/types.ts';
import type { SourceSpan } from '../../support/errors.ts';
import type { Note } from '../dockerfile/index.ts';
import { bareWord, listed, quotedValue } from './dockerfile-words.ts';
import { hasOddDirectories } from './host-paths.ts';
import { shellWord } from './shell-word.ts';

interface Context {
  /** Of the descriptor. */
  readonly directory: string;
  readonly modulesDirectory: string;
  readonly annotationsNamespace: string;
  readonly platform: ImagePlan['platform'];
  /** Of all stages. */
  readonly names: ReadonlySet<string>;
  /** What a stage may be called that has the files of this one. */
  readonly fileStage: string;
}

/** A file of a module, relative to the descriptor. */
interface ModuleFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** What is to be copied in one go: nothing of it lies on the way of something else. */
interface Lot {
  readonly places: string[];
  readonly sources: Copied[];
}

/** A source and where it goes. */
interface Copied extends Pick<CopyItem, 'keep' | 'mode' | 'at'> {
  readonly source: Source;
  /** Absolute in the image. */
  readonly target: string;
  readonly uid: number;
  readonly gid: number;
}

type Item = Readonly<Record<string, unknown>>;

/** A layer of a stacker file as items of the list of a descriptor. */
export class CekitStage {
  readonly files: ModuleFile[] = [];
  /** What the stage cannot say, once `items` has been called. */
  readonly notes: Note[] = [];
  readonly #image: ImagePlan;
  readonly #context: Context;
  readonly #lots: Lot[] = [];
  #items: readonly Item[] | undefined;
  #artifacts = 0;

  constructor(image: ImagePlan, context: Context) {
    this.#image = image;
    this.#context = context;
  }

  /** The stage, and before it the one with its files where it needs that. What has no place is noted once. */
  items(): readonly Item[] {
    this.#items ??= this.#convert();
    return this.#items;
  }

  #convert(): readonly Item[] {
    const { name, steps, at } = this.#image;
    const run = steps.find(step => step.kind === 'run');
    for (const step of steps) {
      if (step.kind === 'copy') for (const item of step.items) this.#place(copiedOf(item));
      if (step.kind === 'apply')
        this.#note(`a descriptor has no 'apply': ${step.image.reference} is left out`, step.at);
    }
    this.#noteOthers();
    const from = this.#from();
    const onNothing = from === 'scratch';
    const { user } = this.#image.config;
    // A stage on nothing runs nothing and has no user.
    const split = onNothing && (run !== undefined || user !== undefined);
    const sections = this.#lots.map(({ sources }): Section => ({ copied: sources }));
    if (!split) return [this.#item(name, from, run === undefined ? sections : this.#andRun(sections, run))];
    const { fileStage } = this.#context;
    this.#note('this begins with files that are brought to scratch, which CEKit itself cannot build', at);
    const files = { ...heading(fileStage, 'scratch'), ...this.#installed(sections) };
    return [files, this.#item(name, fileStage, run === undefined ? [] : this.#andRun([], run))];
  }

  #note(text: string, at: SourceSpan): void {
    this.notes.push({ text, at });
  }

  #noteOthers(): void {
    const { annotations, labels, outputs, platform, shell, steps, at } = this.#image;
    const own = `${this.#context.annotationsNamespace}.stacker.`;
    const names = Object.keys(annotations).filter(name => !name.startsWith(own));
    if (names.length > 0) this.#note(`a descriptor has no annotations: ${names.join(', ')} are left out`, at);
    if (outputs !== undefined) this.#note('the outputs are left out: add them by hand', at);
    if (labels !== undefined)
      this.#note(`a descriptor has no 'generate_labels': add these labels by hand`, labels.at);
    if (JSON.stringify(platform) !== JSON.stringify(this.#context.platform)) {
      this.#note(
        `the platform is said when building: --platform ${platform.os}/${platform.architecture}`,
        at,
      );
    }
    if (!steps.some(({ kind }) => kind === 'run')) return;
    for (const { source, target, at } of shell.binds)
      this.#note(`a descriptor has no binds: ${source} is not at ${target} while something runs`, at);
  }

  #from(): string {
    const { base } = this.#image;
    switch (base.kind) {
      case 'scratch':
        return 'scratch';
      case 'built':
        return base.image;
      case 'image':
        if (base.insecure)
          this.#note(
            `a descriptor has no 'insecure': only registries of this machine do without TLS`,
            base.at,
          );
        return this.#reference(base.reference);
      case 'tar':
        this.#note(
          'a descriptor cannot begin with an archive: make an image of it, and begin with that',
          base.at,
        );
        return 'scratch';
      case 'stack':
        this.#note('a descriptor has one base: stack these images first, and begin with the result', base.at);
        return 'scratch';
    }
  }

  /** An image as podman calls it, and as no stage is called. */
  #reference(reference: string): string {
    const name = reference.replace(/^docker:\/\//, '');
    return this.#context.names.has(name) ? `${name}:latest` : name;
  }

  /** The item of the stage with these modules. Files that come last, and before nothing that runs, are its own. */
  #item(name: string, from: string, sections: readonly Section[]): Item {
    const { environment, labels, volumes } = this.#image.config;
    const pair = ([name, value]: readonly [string, Text]) => ({ name, value: quotedValue(plain(value)) });
    const list = (key: string, items: readonly object[]) => (items.length > 0 ? { [key]: items } : {});
    return {
      ...heading(name, from),
      ...this.#installed(sections),
      ...list('envs', environment.map(pair)),
      ...list('labels', Object.entries(labels).map(pair)),
      ...list(
        'volumes',
        volumes.map(path => ({ path: listed(bareWord(plain(path))) })),
      ),
    };
  }

  #installed(sections: readonly Section[]): Item {
    const own = sections.at(-1)?.script === undefined ? sections.at(-1) : undefined;
    const modules = own === undefined ? sections : sections.slice(0, -1);
    const { modulesDirectory } = this.#context;
    const names = modules.map((section, i) => this.#module(section, i));
    const artifacts = own?.copied.map(copied => this.#artifact(copied, '')) ?? [];
    return {
      ...(artifacts.length > 0 && { artifacts }),
      ...(names.length > 0 && {
        modules: {
          repositories: [{ name: modulesDirectory, path: modulesDirectory }],
          install: names.map(name => ({ name })),
        },
      }),
    };
  }

  /** What is copied last, and what the script finds besides, come with it. */
  #andRun(sections: readonly Section[], run: RunStep): readonly Section[] {
    const [directory = '/stacker/imports'] = run.surroundings.importDirectories;
    const imports = this.#image.imports.map(imported => importedTo(directory, imported));
    const copied = [...(sections.at(-1)?.copied ?? []), ...imports];
    return [...sections.slice(0, -1), { copied, script: run }];
  }

  /** Writes a module; returns its name. */
  #module({ copied, script }: Section, i: number): string {
    const { modulesDirectory } = this.#context;
    const name = `${this.#image.name}${script ? '' : `-files-${i + 1}`}`;
    const path = (file: string) => posix.join(modulesDirectory, name, file);
    // CEKit takes paths of modules relative to their copies in target/repo.
    const artifacts = copied.map(one => this.#artifact(one, '../../../../'));
    const module = {
      name,
      version: '1.0',
      ...(artifacts.length > 0 && { artifacts }),
      ...(script && { execute: [{ script: 'run.sh', user: '0' }] }),
    };
    this.files.push({
      path: path('module.yaml'),
      content: stringify(module, { version: '1.1', lineWidth: 0, blockQuote: false }),
      mode: 0o644,
    });
    if (script) {
      this.files.push({ path: path('run.sh'), content: this.#caller(name, script), mode: 0o755 });
      this.files.push({ path: path('script'), content: script.script, mode: 0o755 });
    }
    return name;
  }

  /** A script that calls the one of `run`: with its own interpreter, in `/`, in the environment of stacker. */
  #caller(name: string, { surroundings, at }: RunStep): string {
    const { environment, importDirectories } = surroundings;
    const { defaults, passThrough, set } = environment;
    const variables = Object.entries({ ...defaults, ...set }).map(([key, value]) =>
      shellWord(`${key}=${value}`),
    );
    const passed = proxies.filter(
      proxy =>
        !Object.hasOwn(set, proxy) && passThrough.some(pattern => new RegExp(`^(?:${pattern})$`).test(proxy)),
    );
    const others = passThrough.filter(pattern => !usualNames.includes(pattern));
    if (others.length > 0)
      this.#note(`variables of the host do not reach scripts of modules: ${others.join(', ')}`, at);
    const words = [...variables, ...passed.map(proxy => `\${${proxy}+"${proxy}=$${proxy}"}`)];
    const [first = '/stacker/imports', ...more] = importDirectories;
    const links = more.map(
      link => `mkdir -p ${posix.dirname(link)} && { [ -e ${link} ] || ln -s ${first} ${link}; }\n`,
    );
    const made = [...new Set(importDirectories.map(path => `/${path.split('/')[1]}`))];
    return [
      '# CEKit runs this as `sh -x`; what it calls has its own first line.\n',
      'cd / || exit\n',
      `mkdir -p ${first}\n`,
      ...links,
      `env -i ${words.join(' ')} /tmp/scripts/${name}/script || exit\n`,
      // Of stages, the files in /tmp/scripts stay, too.
      `rm -rf ${made.join(' ')} /tmp/scripts\n`,
    ].join('');
  }

  /** Puts a source into the last lot, or into a new one where the order matters. */
  #place(copied: Copied): void {
    const place = placeOf(copied);
    const lot = this.#lots.at(-1);
    if (lot === undefined || lot.places.some(other => isBelow(place, other) || isBelow(other, place)))
      this.#lots.push({ places: [place], sources: [copied] });
    else {
      lot.places.push(place);
      lot.sources.push(copied);
    }
  }

  /** `way` leads from where paths are relative to, to the directory of the descriptor. */
  #artifact({ source, target, keep, mode, uid, gid, at }: Copied, way: string): Item {
    this.#artifacts += 1;
    const name = `${this.#image.name}-${this.#artifacts}-${basename(target) || 'root'}`;
    if (mode !== undefined || uid !== 0 || gid !== 0)
      this.#note('mode, uid and gid of artifacts mean nothing to CEKit itself', at);
    const owned = {
      ...(mode !== undefined && { mode: mode.toString(8).padStart(4, '0') }),
      ...(uid !== 0 && { uid }),
      ...(gid !== 0 && { gid }),
    };
    const file = { target: basename(target), dest: bareWord(posix.join(posix.dirname(target), '/')) };
    switch (source.kind) {
      case 'file': {
        const path = way + (relative(this.#context.directory, source.path) || '.');
        if (isDirectory(source)) {
          if (keep === 'content' && hasOddDirectories(source.path))
            this.#note('directories of artifacts keep their permissions, those of imports get 0755', at);
          return { name, path, dest: bareWord(posix.join(target, '/')), ...owned };
        }
        this.#noteLink(source.path, at);
        return { name, path, ...file, ...source.checksums, ...owned };
      }
      case 'http':
        return { name, url: source.url, ...file, ...source.checksums, ...owned };
      case 'image':
        if (source.checksums !== undefined)
          this.#note(`what is copied from '${source.image}' has no checksum in a descriptor`, at);
        return {
          name,
          image: source.image,
          path: bareWord(source.path),
          target: bareWord(file.target) || '.',
          dest: file.dest,
          ...owned,
        };
      case 'kept':
        throw new Error('stacker files have no sources that only checksums tell');
    }
  }

  #noteLink(path: string, at: SourceSpan): void {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
      this.#note(`${path} is a link: CEKit copies what it leads to`, at);
  }
}

/** Copies, and the script that runs after them. */
interface Section {
  readonly copied: readonly Copied[];
  readonly script?: RunStep;
}

const proxies = ['ftp_proxy', 'http_proxy', 'https_proxy', 'no_proxy'].flatMap(name => [
  name,
  name.toUpperCase(),
]);

/** Names that stacker lets through unless something else is said. */
const usualNames = [...proxies, 'TERM', 'SOURCE_DATE_EPOCH'];

function heading(name: string, from: string): Item {
  return { name, version: '1.0', from };
}

function copiedOf({ source, target, keep, mode, uid, gid, at }: CopyItem): Copied {
  return {
    source,
    target: posix.resolve('/', plain(target)),
    keep,
    ...(mode !== undefined && { mode }),
    uid,
    gid,
    at,
  };
}

function importedTo(directory: string, { name, source, mode, uid = 0, gid = 0, at }: Import): Copied {
  return {
    source,
    target: posix.join(directory, name),
    keep: 'content',
    ...(mode !== undefined && { mode }),
    uid,
    gid,
    at,
  };
}

/** Stacker files have no variables in their values. */
function plain(text: Text): string {
  if (typeof text === 'string') return text;
  throw new Error('values of stacker files are texts');
}

function isDirectory(source: Extract<Source, { kind: 'file' }>): boolean {
  return (
    source.directory === true || (statSync(source.path, { throwIfNoEntry: false })?.isDirectory() ?? false)
  );
}

/** What a copy may change: a file, or all that is below a directory. */
function placeOf({ source, target }: Copied): string {
  const contents = source.kind === 'image' || (source.kind === 'file' && isDirectory(source));
  return contents ? join(target, '/') : target;
}

function isBelow(path: string, other: string): boolean {
  return (
    path === other || (other.endsWith('/') ? `${path}/`.startsWith(other) : path.startsWith(`${other}/`))
  );
}
