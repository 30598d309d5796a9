/**
 * A Dockerfile as a stacker file, such that the image is the same: the same tree, and the same config as far as a
 * stacker file can say it. How:
 *
 * - A stage is a layer; all but the last are `build_only`. Where the Dockerfile copies after it has run something, a
 *   new layer begins, `<stage>-1` and so on, because in a layer of stacker imports come before `run`.
 * - Each RUN is a shell of its own, `/bin/sh -c '…'`, in its directory; as another user by way of `su`, or, when the
 *   user is a number or comes with a group, of `chroot --userspec`. Its variables are the layer's `build_env`, those
 *   of the base included where the base can be asked, and what ENV sets between two RUNs is exported between them.
 * - A build argument is a substitution whose default is in the substitute file. Elsewhere in the stacker file its
 *   name is hidden from the substitution (`$''NAME` for the shell, `\x24NAME` for YAML), so that `$NAME` in a command
 *   stays a variable and what it holds is never taken for a part of the command.
 * - COPY and ADD are imports with the exact `dest`. What only the tree of another image tells (patterns, and whether
 *   something is a directory) is found out by a layer on that image that gathers it.
 * - A volume is one of the image, and a bind for what runs after it. Mounts of RUN are acted out by its script.
 * - What is copied out of the directory that the results are written to is named one by one, so that no build takes in
 *   what the one before has written.
 * - What has no place in a stacker file becomes a comment in it and a warning.
 */
import { basename, dirname, join } from 'node:path';
import type { Platform } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { sourceText } from '../../support/source-text.ts';
import { didYouMean } from '../../support/suggest.ts';
import { argumentNames, BuildArguments } from './build-arguments.ts';
import { BuildContext } from './context.ts';
import { Conversion, type ExtraFile, extraDirectory, type Note } from './conversion.ts';
import { copyFiles } from './copy.ts';
import { inherit, type ReadBase, readFromWords, readPlatform } from './from.ts';
import { type Dockerfile, type Instruction, readInstructions } from './instructions.ts';
import { leaveOut, readMount } from './mounts.ts';
import { commandOf } from './shell.ts';
import { Stage } from './stage.ts';
import { concat, plain, type Text } from './text.ts';
import { expandWord, readJsonForm, readPairs, splitWords } from './words.ts';
import { writeStackerFile, writeSubstitutes } from './write.ts';

export interface ConvertOptions {
  /** The Dockerfile, an absolute path; the build context is its directory. */
  readonly file: string;
  readonly text: string;
  /** Where the stacker file is to be, an absolute path: what it names is relative to that. */
  readonly output: string;
  /** What conversion and builds write, absolute paths: that is never copied. */
  readonly generated: readonly string[];
  readonly platform: Platform;
  readonly readBase: ReadBase;
}

export interface Converted {
  readonly stackerFile: string;
  readonly substitutes: string;
  readonly files: readonly ExtraFile[];
  /** Directories that default values of substitutions name, relative to the stacker file's. */
  readonly directories: readonly string[];
  readonly notes: readonly Note[];
}

/** Converts a Dockerfile. Throws AshlarError, with the place, for what Docker would refuse. */
export async function convertDockerfile(options: ConvertOptions): Promise<Converted> {
  const { file, text, output, platform } = options;
  const dockerfile = readInstructions(sourceText(file, text));
  const conversion = new Conversion({
    context: new BuildContext(dirname(file), basename(file), generatedBy(options)),
    outputDirectory: dirname(output),
    platform,
    escapeChar: dockerfile.escapeChar,
    placeholders: placeholdersOf(dockerfile),
  });
  const converter = new Converter(dockerfile, conversion, options);
  await converter.convert();
  const { layers, defaults, substitutions, files, notes } = conversion;
  const ambiguous = new Set([...defaults].filter(([, values]) => values.size > 1).map(([name]) => name));
  const values = [...defaults]
    .filter(([name]) => !ambiguous.has(name))
    .map(([name, [value = '']]) => [name, value] as const);
  return {
    stackerFile: writeStackerFile(layers, {
      placeholders: conversion.placeholders,
      ambiguous,
      comments: [`Converted from ${basename(file)}`],
    }),
    substitutes: writeSubstitutes(
      [...substitutions, ...values],
      `Defaults for ${basename(output)}: build with --substitute-file`,
    ),
    files,
    directories: layers.some(({ binds }) => binds.length > 0) ? converter.volumeDirectories : [],
    notes,
  };
}

function generatedBy({ output, generated }: ConvertOptions): string[] {
  const extra = [extraDirectory, volumeDirectory].map(name => join(dirname(output), name));
  return [output, ...extra, ...generated];
}

/** Finds dollars that would begin a placeholder: before `{{`, and before names that get a value in the build. */
function placeholdersOf({ instructions, escapeChar }: Dockerfile): RegExp {
  const names = [...argumentNames(instructions, escapeChar), 'IMAGE', 'IMAGE_NAME', 'STACKER_\\w+'];
  return new RegExp(`\\$(?=\\{\\{|\\{?(?:${names.join('|')})(?!\\w))`, 'g');
}

/** Where volumes are while something is built, unless a substitution names another directory. */
const volumeDirectory = 'stacker-volumes';

const keywords = [
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER',
  'VOLUME WORKDIR',
].flatMap(line => line.split(' '));

class Converter {
  readonly volumeDirectories: string[] = [];
  readonly #dockerfile: Dockerfile;
  readonly #conversion: Conversion;
  readonly #readBase: ReadBase;
  readonly #arguments: BuildArguments;
  #stage: Stage | undefined;
  #platform: Readonly<Record<string, string>> = {};

  constructor(dockerfile: Dockerfile, conversion: Conversion, { readBase }: ConvertOptions) {
    this.#dockerfile = dockerfile;
    this.#conversion = conversion;
    this.#readBase = readBase;
    this.#arguments = new BuildArguments(conversion);
  }

  async convert(): Promise<void> {
    for (const instruction of this.#dockerfile.instructions) {
      const { keyword, at } = instruction;
      if (keyword === 'FROM') await this.#from(instruction);
      else if (keyword === 'ARG') this.#arguments.declare(instruction, this.#stage);
      else if (!keywords.includes(keyword)) {
        throw new AshlarError(`unknown Dockerfile cmd: ${keyword}`, {
          at,
          hint: didYouMean(keyword, keywords),
        });
      } else if (this.#stage === undefined) {
        throw new AshlarError(`no build stage: ${keyword} stands before FROM`, { at });
      } else this.#instruction(instruction, this.#stage);
    }
    if (this.#stage === undefined) {
      throw new AshlarError('unsupported FROM directive', { hint: 'the Dockerfile has no FROM' });
    }
    this.#finish(this.#stage, true);
  }

  async #from(instruction: Instruction): Promise<void> {
    const { at, flags } = instruction;
    if (this.#stage) this.#finish(this.#stage, false);
    const conversion = this.#conversion;
    const { reference, alias } = readFromWords(instruction);
    const scope = {
      lookUp: (name: string) => this.#arguments.lookUp(name),
      escapeChar: conversion.escapeChar,
      fixed: (used: Text) => conversion.noteFixed(undefined, used, at),
      at,
    };
    const wanted = flags.find(({ name }) => name === 'platform')?.value ?? '';
    this.#platform = readPlatform(plain(expandWord(wanted, scope)), conversion.platform, at);
    const { os = conversion.platform.os, arch } = this.#platform;
    const platform = arch === undefined ? { ...conversion.platform, os } : { os, architecture: arch };
    const base = expandWord(reference, scope);
    const { inherited, note } = await inherit(base, platform, conversion, this.#readBase, at);
    const name = conversion.uniqueName(alias === undefined ? this.#unnamed() : [alias]);
    this.#stage = new Stage(name, inherited, this.#platform, conversion.shell);
    conversion.stages.push({ alias, stage: this.#stage });
    if (note !== undefined) conversion.note(this.#stage, note, at);
  }

  /** The layer of a stage without a name; that of the last one is `IMAGE`. */
  #unnamed(): Text {
    const { instructions, escapeChar } = this.#dockerfile;
    const key = argumentNames(instructions, escapeChar).includes('IMAGE') ? 'IMAGE_NAME' : 'IMAGE';
    this.#conversion.substitutions.set(key, 'app');
    const name: Text = [{ name: key, fallback: 'app' }];
    const position = this.#conversion.stages.length;
    const last = instructions.filter(({ keyword }) => keyword === 'FROM').length - 1;
    return position === last ? name : concat(name, [`-stage-${position}`]);
  }

  #instruction(instruction: Instruction, stage: Stage): void {
    const { keyword, text, at } = instruction;
    const conversion = this.#conversion;
    const scope = conversion.scope(stage, at);
    const { escapeChar } = this.#dockerfile;
    if (text === '' && instruction.flags.length === 0)
      throw new AshlarError(`${keyword} requires an argument`, { at });
    switch (keyword) {
      case 'RUN':
        this.#run(instruction, stage);
        return;
      case 'COPY':
      case 'ADD':
        copyFiles(instruction, stage, conversion);
        return;
      case 'ENV':
      case 'LABEL':
        for (const [name, value] of readPairs(text, scope, keyword)) {
          if (plain(name) === '') throw new AshlarError(`${keyword} names can not be blank`, { at });
          if (keyword === 'ENV') stage.setEnvironment(plain(name), value);
          else stage.labels.set(plain(name), value);
        }
        return;
      case 'WORKDIR':
        stage.setWorkingDir(expandWord(text, scope), at);
        return;
      case 'USER':
        stage.user = expandWord(text, scope);
        return;
      case 'VOLUME': {
        const paths = readJsonForm(text) ?? splitWords(text, escapeChar);
        for (const word of paths) {
          const path = expandWord(word, scope);
          if (plain(path) === '')
            throw new AshlarError('VOLUME specified can not be an empty string', { at });
          conversion.noteFixed(stage, path, at);
          this.#volume(plain(path), stage);
        }
        return;
      }
      case 'MAINTAINER':
        stage.authors.push(text);
        return;
      case 'SHELL': {
        const words = readJsonForm(text);
        if (!words?.length) throw new AshlarError('SHELL requires the arguments to be in JSON form', { at });
        stage.shell = words;
        return;
      }
      case 'CMD':
        stage.cmd = this.#command(text, stage);
        return;
      case 'ENTRYPOINT':
        stage.entrypoint = this.#command(text, stage);
        return;
      case 'EXPOSE':
        conversion.note(stage, `EXPOSE ${text} has no place in a stacker file`, at);
        return;
      default:
        conversion.note(
          stage,
          `unknown Dockerfile cmd: ${keyword}: a stacker file has no place for ${text}`,
          at,
        );
    }
  }

  #command(text: string, stage: Stage): readonly string[] {
    return readJsonForm(text) ?? [...stage.shell, text];
  }

  #run(instruction: Instruction, stage: Stage): void {
    const { flags, heredocs, text } = instruction;
    const mounts = flags.flatMap(flag => {
      if (flag.name === 'mount') return readMount(flag, stage, this.#conversion) ?? [];
      leaveOut(flag, stage, this.#conversion);
      return [];
    });
    const [script] = heredocs;
    if (script?.word !== text || !script.content.startsWith('#!')) {
      stage.run(commandOf(instruction, stage.shell, this.#dockerfile.escapeChar), mounts);
      return;
    }
    const path = this.#conversion.addFile(script.name, script.content, 0o755);
    stage.run([`/stacker/imports/${basename(path)}`], mounts, [{ path: [path] }]);
  }

  /** A volume of the image, and of the host for what runs after this in the build. */
  #volume(path: string, stage: Stage): void {
    const { substitutions } = this.#conversion;
    if (stage.volumes.has(path)) return;
    stage.volumes.add(path);
    if (!path.startsWith('/')) return;
    const key = `STACKER_VOL${this.volumeDirectories.length + 1}`;
    const directory = `${volumeDirectory}/${this.volumeDirectories.length + 1}`;
    this.volumeDirectories.push(directory);
    substitutions.set(key, directory);
    stage.binds.push({ source: [{ name: key, fallback: directory }], dest: [path] });
  }

  #finish(stage: Stage, last: boolean): void {
    const conversion = this.#conversion;
    const names: Text[] = [];
    const nameOf = (i: number): Text => {
      names[i] ??= conversion.uniqueName(concat(stage.name, [`-${i + 1}`]));
      return names[i];
    };
    const { layers, orphans } = stage.finish(last, conversion.architecture(this.#platform), nameOf);
    for (const { path, at } of orphans) {
      const text = `${plain(path)} is not made: nothing is copied there, and without RUN there may be no shell`;
      conversion.note(stage, text, at);
    }
    conversion.layers.push(...layers);
  }
}
