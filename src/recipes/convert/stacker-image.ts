import { posix } from 'node:path';
import type {
  ConfigStep,
  CopyItem,
  ExecStep,
  ImagePlan,
  Text as PlanText,
  Variable,
} from '../../plan/types.ts';
import type { SourceSpan } from '../../support/errors.ts';
import {
  concat,
  type ImportEntry,
  type Inherited,
  type Layer,
  literal,
  type Note,
  plain,
  type ShellWriter,
  Stage,
  type Text,
} from '../dockerfile/index.ts';
import { type HostPaths, hasOddDirectories } from './host-paths.ts';
import type { LayerNames } from './layer-names.ts';
import { shellWord } from './shell-word.ts';

interface Context {
  readonly inherited: Inherited;
  readonly names: LayerNames;
  readonly shell: ShellWriter;
  readonly paths: HostPaths;
  readonly note: (note: Note) => void;
}

/** An image of the Plan of a descriptor, as layers of a stacker file. */
export class StackerImage {
  readonly #image: ImagePlan;
  readonly #context: Context;
  readonly #stage: Stage;
  /** What the image does not keep, and the next command wants to find at these places. */
  #pending: { readonly item: CopyItem; readonly target: string }[] = [];
  /** What is brought for commands, each lot in a directory of its own. */
  readonly #brought: ImportEntry[] = [];
  #lots = 0;
  readonly #bringer: string;

  constructor(image: ImagePlan, context: Context) {
    this.#image = image;
    this.#context = context;
    const name = context.names.of(image.name);
    this.#stage = new Stage(literal(name), context.inherited, {}, context.shell);
    this.#bringer = context.names.unique(`${name}-files`);
  }

  /** What an image on top of this one has from it. */
  heritage(): Inherited {
    return this.#stage.heritage();
  }

  note(text: string, at: SourceSpan): void {
    this.#context.note({ text, at });
    this.#stage.comments.push(`${posix.basename(at.file)}:${at.line}: ${text}`);
  }

  layers(): readonly Layer[] {
    const { steps, emit, at } = this.#image;
    const lastCommand = steps.findLastIndex(({ kind }) => kind === 'exec');
    for (const [i, step] of steps.entries()) {
      switch (step.kind) {
        case 'config':
          this.#configure(step);
          break;
        case 'copy':
          for (const item of step.items) this.#copy(item, i < lastCommand);
          break;
        case 'exec':
          this.#execute(step);
          if (i === lastCommand) this.#removeTemporary();
          break;
        default:
          throw new Error(`descriptors have no step of kind ${step.kind}`);
      }
    }
    const names = this.#context.names;
    const own = names.of(this.#image.name);
    const parts: Text[] = [];
    const nameOf = (i: number): Text => (parts[i] ??= literal(names.unique(`${own}-${i + 1}`)));
    const { layers, orphans } = this.#stage.finish(emit, undefined, nameOf);
    for (const { path } of orphans) {
      this.note(`${plain(path)} is not made: nothing is copied there, and nothing runs`, at);
    }
    return [...this.#bringers(), ...layers];
  }

  #configure({ change, buildArguments, at }: ConfigStep): void {
    const stage = this.#stage;
    const text = (value: PlanText) => this.#text(value, at);
    for (const [name, value] of buildArguments) stage.arguments.set(name, argument(name, text(value)));
    const { environment, labels, volumes, ports = [], workingDir, user, entrypoint, cmd } = change;
    const variables = environment.map(([name, value]) => [name, text(value)] as const);
    for (const [name, value] of variables) stage.setEnvironment(name, value);
    for (const [name, value] of Object.entries(labels)) stage.labels.set(name, text(value));
    for (const volume of volumes) stage.volumes.add(plain(text(volume)));
    if (ports.length > 0) this.note(`EXPOSE ${ports.join(' ')} has no place in a stacker file`, at);
    if (user !== undefined) stage.user = text(user);
    if (workingDir !== undefined) stage.setWorkingDir(text(workingDir), at);
    if (entrypoint !== undefined) stage.entrypoint = entrypoint ?? [];
    if (cmd !== undefined) stage.cmd = cmd ?? [];
  }

  #execute({ command, user, at }: ExecStep): void {
    this.#bring();
    this.#runAs(this.#text(user, at), command);
  }

  #runAs(user: Text, command: readonly string[], imports: readonly ImportEntry[] = []): void {
    const stage = this.#stage;
    const before = stage.user;
    stage.user = user;
    stage.run(command, [], imports);
    stage.user = before;
  }

  /** `wanted` says whether a command comes later. */
  #copy(item: CopyItem, wanted: boolean): void {
    const dest = this.#stage.absolute(this.#text(item.target, item.at));
    if (this.#isTemporary(plain(dest))) {
      if (wanted) this.#pending.push({ item, target: plain(dest) });
      return;
    }
    const entry = this.#entry(item);
    if (entry === undefined) return;
    const { source, mode, uid, gid } = item;
    const directory = isDirectory(item);
    const simple = mode === undefined && uid === 0 && gid === 0;
    // Directories of imports get the usual permissions.
    if (simple && source.kind === 'file' && source.directory && hasOddDirectories(source.path)) {
      this.#stage.overlay(entry.path, dest);
    } else if (directory || plain(dest) === '/') {
      this.#stage.copy({ ...entry, path: concat(entry.path, ['/']), dest }, true);
    } else this.#stage.copy({ ...entry, dest }, false);
  }

  #isTemporary(target: string): boolean {
    const without = this.#image.squash?.without ?? [];
    return without.some(path => target === path || target.startsWith(`${path}/`));
  }

  /** The import of an item, without its `dest`; undefined where there is none. */
  #entry(item: CopyItem): Omit<ImportEntry, 'dest'> | undefined {
    const { source, mode, uid, gid, at } = item;
    const path = this.#path(item);
    if (path === undefined) return undefined;
    const { sha256, ...others } = source.checksums ?? {};
    const unchecked = Object.keys(others);
    if (unchecked.length > 0 && sha256 === undefined) {
      this.note(`a stacker file has no ${unchecked.join(', ')}: ${path} is not checked`, at);
    }
    return {
      path: literal(path),
      ...(sha256 !== undefined && { hash: sha256 }),
      ...(mode !== undefined && { mode }),
      ...(uid !== 0 && { uid }),
      ...(gid !== 0 && { gid }),
    };
  }

  #path({ source, at }: CopyItem): string | undefined {
    const { names, paths } = this.#context;
    switch (source.kind) {
      case 'file': {
        if (source.directory && paths.holdsOutput(source.path)) {
          this.note(`${source.path} takes in what is built in it`, at);
        }
        return paths.written(source.path);
      }
      case 'http':
        return source.url;
      case 'image':
        return `stacker://${names.of(source.image)}${source.path}`;
      case 'kept':
        this.note(
          `${source.name} is known only by its checksums, which a stacker file has no place for: it is left out`,
          at,
        );
        return undefined;
    }
  }

  /** Makes what commands want to find, and the image does not keep, appear where they look for it. */
  #bring(): void {
    if (this.#pending.length === 0) return;
    this.#lots += 1;
    const lot = `/${this.#lots}`;
    const lines: string[] = [];
    for (const { item, target } of this.#pending) {
      const entry = this.#entry(item);
      if (entry === undefined) continue;
      const path = concat(entry.path, literal(isDirectory(item) ? '/' : ''));
      this.#brought.push({ ...entry, path, dest: literal(lot + target) });
      const directory = shellWord(posix.dirname(target));
      lines.push(
        `mkdir -p ${directory} && cp -a ${shellWord(`/stacker/imports${lot}${target}`)} ${directory}/`,
      );
    }
    this.#pending = [];
    if (lines.length === 0) return;
    const source = { path: literal(`stacker://${this.#bringer}${lot}`) };
    this.#runAs(root, ['/bin/sh', '-c', lines.join(' && ')], [source]);
  }

  #removeTemporary(): void {
    const without = this.#image.squash?.without ?? [];
    if (without.length > 0) this.#runAs(root, ['rm', '-rf', ...without]);
  }

  /** The layer that has what is brought. */
  #bringers(): readonly Layer[] {
    if (this.#brought.length === 0) return [];
    return [
      {
        name: literal(this.#bringer),
        comments: ['What commands find while the image is built, and it does not keep'],
        from: { type: 'scratch' },
        platform: {},
        buildOnly: true,
        overlayDirs: [],
        imports: this.#brought,
        binds: [],
        buildEnv: [],
        run: [],
        config: {},
      },
    ];
  }

  #text(text: PlanText, at: SourceSpan): Text {
    if (typeof text === 'string') return literal(text);
    return concat(
      ...text.map(piece => (typeof piece === 'string' ? literal(piece) : this.#value(piece, at))),
    );
  }

  /** What a variable stands for, by the rules of Dockerfiles. */
  #value({ variable, otherwise, instead }: Variable, at: SourceSpan): Text {
    const value = this.#stage.lookUp(variable);
    const isThere = (alsoEmpty: boolean) => value !== undefined && !(alsoEmpty && plain(value) === '');
    if (otherwise) return value && isThere(otherwise.alsoEmpty) ? value : this.#text(otherwise.text, at);
    if (instead) return isThere(instead.alsoEmpty) ? this.#text(instead.text, at) : [];
    if (value === undefined && this.#context.inherited.environment === undefined) {
      this.note(`$${variable} is taken for empty: nothing is known of it here`, at);
    }
    return value ?? [];
  }
}

const root: Text = ['root'];

const isDirectory = ({ source }: CopyItem): boolean => source.kind === 'file' && source.directory === true;

/** What a build argument stands for: its value, or what is given for it in a build. */
function argument(name: string, value: Text): Text {
  const fallback = plain(value);
  // Of the machine, and what could not stand within a placeholder, quotes, or a line.
  const fixed = /^TARGET(?:PLATFORM|OS|ARCH|VARIANT)$/.test(name) || !/^[\w@%+=:,./ -]*$/.test(fallback);
  return fixed || !/^[A-Za-z_]\w*$/.test(name) ? literal(fallback) : [{ name, fallback }];
}
