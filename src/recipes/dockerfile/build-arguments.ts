/** ARG: names that stand for substitutions, known at the beginning or in a stage. */
import type { Platform } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { Conversion } from './conversion.ts';
import type { Instruction } from './instructions.ts';
import type { Stage } from './stage.ts';
import { literal, plain, type Text } from './text.ts';
import { expandWord, splitWords } from './words.ts';

const declaration = /^([A-Za-z_]\w*)(?:=(.*))?$/s;

/** The names that ARG declares anywhere. */
export function argumentNames(instructions: readonly Instruction[], escapeChar: string): string[] {
  return instructions
    .filter(({ keyword }) => keyword === 'ARG')
    .flatMap(({ text }) => splitWords(text, escapeChar))
    .flatMap(word => declaration.exec(word)?.[1] ?? []);
}

export class BuildArguments {
  readonly #conversion: Conversion;
  /** Declared before the first stage: for FROM, and as defaults for the stages. */
  readonly #globals = new Map<string, Text>();
  readonly #predefined: ReadonlyMap<string, Text>;

  constructor(conversion: Conversion) {
    this.#conversion = conversion;
    this.#predefined = new Map([
      ...platformArguments('BUILD', conversion.platform),
      ...platformArguments('TARGET', conversion.platform),
    ]);
  }

  /** What a name stands for in FROM. */
  lookUp(name: string): Text | undefined {
    return this.#globals.get(name) ?? this.#predefined.get(name);
  }

  /** An ARG in a stage, or before all of them. */
  declare({ text, at }: Instruction, stage: Stage | undefined): void {
    const { escapeChar } = this.#conversion;
    const fixed = (used: Text) => this.#conversion.noteFixed(stage, used, at);
    const lookUp = (name: string) => (stage ? stage.lookUp(name) : this.lookUp(name));
    const words = splitWords(text, escapeChar);
    if (words.length === 0) throw new AshlarError('ARG requires exactly one argument', { at });
    for (const word of words) {
      const [, name, value] = declaration.exec(word) ?? [];
      if (name === undefined)
        throw new AshlarError(`not a name for an argument: ${word.replace(/=.*/s, '')}`, { at });
      const given =
        value === undefined ? this.lookUp(name) : expandWord(value, { lookUp, escapeChar, fixed, at });
      if (value !== undefined) fixed(given ?? []);
      const fallback = plain(given ?? []);
      this.#conversion.addDefault(name, fallback);
      if (stage) stage.arguments.set(name, [{ name, fallback }]);
      else this.#globals.set(name, [{ name, fallback }]);
    }
  }
}

/** What every build has: the platform that it runs on or for, which are one here. */
function platformArguments(prefix: string, { os, architecture, variant }: Platform): [string, Text][] {
  return [
    [`${prefix}PLATFORM`, literal([os, architecture, ...(variant ? [variant] : [])].join('/'))],
    [`${prefix}OS`, literal(os)],
    [`${prefix}ARCH`, literal(architecture)],
    [`${prefix}VARIANT`, literal(variant ?? '')],
  ];
}
