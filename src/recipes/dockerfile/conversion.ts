import { posix, relative } from 'node:path';
import type { Platform } from '../../oci/index.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import type { BuildContext } from './context.ts';
import type { ImportEntry, Layer } from './layer.ts';
import { ShellWriter } from './shell.ts';
import type { Stage } from './stage.ts';
import { concat, isLiteral, literal, plain, type Text } from './text.ts';
import type { Scope } from './words.ts';

/** Something that a stacker file cannot say like the Dockerfile, or that the reader should know. */
export interface Note {
  readonly text: string;
  readonly at: SourceSpan;
}

/** A file that the stacker file needs beside it. */
export interface ExtraFile {
  /** Relative to the directory of the stacker file. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** Where files go that have no other place: what heredocs hold. */
export const extraDirectory = 'stacker-files';

/** What a conversion has come to so far, and what all its instructions share. */
export class Conversion {
  readonly context: BuildContext;
  readonly platform: Platform;
  readonly escapeChar: string;
  readonly placeholders: RegExp;
  readonly shell: ShellWriter;
  readonly layers: Layer[] = [];
  readonly stages: { readonly alias: string | undefined; readonly stage: Stage }[] = [];
  readonly notes: Note[] = [];
  readonly files: ExtraFile[] = [];
  /** Defaults of build arguments by name, all that the Dockerfile gives. */
  readonly defaults = new Map<string, Set<string>>();
  /** Other substitutions. */
  readonly substitutions = new Map<string, string>();
  readonly #outputDirectory: string;
  readonly #names = new Set<string>();
  readonly #images = new Map<string, Text>();

  constructor(options: {
    readonly context: BuildContext;
    readonly outputDirectory: string;
    readonly platform: Platform;
    readonly escapeChar: string;
    readonly placeholders: RegExp;
  }) {
    this.context = options.context;
    this.platform = options.platform;
    this.escapeChar = options.escapeChar;
    this.placeholders = options.placeholders;
    this.shell = new ShellWriter(options.placeholders);
    this.#outputDirectory = options.outputDirectory;
  }

  /** The architecture in Go's names. */
  architecture(platform: Readonly<Record<string, string>>): string {
    return platform.arch ?? this.platform.architecture;
  }

  note(stage: Stage | undefined, text: string, at: SourceSpan): void {
    this.notes.push({ text, at });
    stage?.comments.push(`Line ${at.line}: ${text}`);
  }

  /** Says that arguments count with their defaults, whatever value they get. */
  noteFixed(stage: Stage | undefined, text: Text, at: SourceSpan): void {
    for (const { name, fallback } of text.filter(piece => typeof piece !== 'string')) {
      this.note(stage, `${name} counts here as its default "${fallback}", whatever it is given`, at);
    }
  }

  scope(stage: Stage, at: SourceSpan): Scope {
    return {
      lookUp: name => stage.lookUp(name),
      escapeChar: this.escapeChar,
      fixed: used => this.noteFixed(stage, used, at),
      at,
    };
  }

  /** Remembers a default of a build argument. */
  addDefault(name: string, value: string): void {
    this.defaults.set(name, (this.defaults.get(name) ?? new Set()).add(value));
  }

  /** A name that no other layer has. */
  uniqueName(name: Text): Text {
    let unique = name;
    for (let i = 2; this.#names.has(plain(unique)); i++) unique = concat(name, [`-${i}`]);
    this.#names.add(plain(unique));
    return unique;
  }

  /** A path of the context as the stacker file says it. */
  hostPath(path: Text): Text {
    const way = relative(this.#outputDirectory, this.context.directory).split('\\').join('/');
    if (isLiteral(path)) return literal(posix.join(way, plain(path)));
    return way === '' ? path : concat([`${way}/`], path);
  }

  /** Imports that bring a file or directory of the context, less what is ignored, to a path. */
  contextImports(path: string, dest: Text, excluded?: (path: string) => boolean): ImportEntry[] {
    const entryOf = (name: string): ImportEntry => ({
      path: concat(this.hostPath(literal(name)), this.context.kind(name) === 'directory' ? ['/'] : []),
      dest:
        name === path ? dest : concat(plain(dest) === '/' ? [] : dest, [`/${posix.relative(path, name)}`]),
    });
    const kept = this.context.cover(path, excluded) ?? [path];
    return kept.map(entryOf);
  }

  /** Keeps a file to be written; returns its path as the stacker file says it. */
  addFile(name: string, content: string, mode: number): string {
    const path = posix.join(extraDirectory, `${this.files.length + 1}-${name}`);
    this.files.push({ path, content, mode });
    return path;
  }

  /** Adds a layer that only serves others; returns its name. */
  helper(
    stage: Stage,
    suffix: string,
    layer: Pick<Layer, 'from' | 'comments'> & Partial<Pick<Layer, 'imports' | 'run'>>,
  ): Text {
    const name = this.uniqueName(concat(stage.name, [`-${suffix.replace(/[^A-Za-z0-9_.-]/g, '-')}`]));
    this.layers.push({
      platform: {},
      overlayDirs: [],
      imports: [],
      binds: [],
      buildEnv: [],
      run: [],
      config: {},
      ...layer,
      name,
      buildOnly: true,
    });
    return name;
  }

  /**
   * Adds a layer in whose `/copied` is what a path of an image stands for: a file, the content of a directory, or all
   * of that for a pattern.
   */
  gather(stage: Stage, origin: Text, path: Text): Text {
    const pattern = path.map(piece =>
      typeof piece === 'string'
        ? piece.replace(/[^\w*?[\]./-]/g, char => `\\${char}`).replace(this.placeholders, "$$''")
        : piece,
    );
    return this.helper(stage, 'copied', {
      comments: [`What COPY takes for ${plain(path)}: files, and the content of directories`],
      from: { type: 'built', tag: origin },
      run: [
        ['mkdir /copied'],
        concat(['for copied in '], pattern, ['; do']),
        ['  if [ -d "$copied" ]; then copied=$copied/.; fi'],
        ['  cp -a -H "$copied" /copied/'],
        ['done'],
      ],
    });
  }

  /** What `--from` names: an earlier stage by name or number, or an image. */
  origin(
    from: string,
    stage: Stage,
    at: SourceSpan,
  ): { readonly name: Text; readonly stage: Stage | undefined } {
    const found = this.findStage(from) ?? (/^\d+$/.test(from) ? this.stages[Number(from)]?.stage : undefined);
    if (found === stage) throw new AshlarError(`--from=${from} is this stage itself`, { at });
    if (found) return { name: found.name, stage: found };
    if (/^\d+$/.test(from)) throw new AshlarError(`there is no earlier stage ${from}`, { at });
    const known = this.#images.get(from);
    if (known) return { name: known, stage: undefined };
    const name = this.helper(stage, posix.basename(from).replace(/[:@].*/, ''), {
      comments: [`Files of ${from}`],
      from: { type: 'docker', url: literal(imageUrl(from)) },
    });
    this.#images.set(from, name);
    return { name, stage: undefined };
  }

  findStage(alias: string): Stage | undefined {
    return this.stages.findLast(entry => entry.alias === alias.toLowerCase())?.stage;
  }
}

/** The url of an image for `from`. */
export const imageUrl = (reference: string): string =>
  /^(docker:\/\/|oci:)/.test(reference) ? reference : `docker://${reference}`;
