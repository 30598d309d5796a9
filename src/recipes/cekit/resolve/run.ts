import { given } from '../../../support/given.ts';
import type { RawImage, RawRun } from '../descriptor/types.ts';
import type { Help, Located, Run } from '../model.ts';
import { imagePath, modulePath, type Places } from '../modules/places.ts';
import type { Module } from '../modules/registry.ts';

/**
 * What is run, each part on its own: the image's word counts, else that of the module visited last that has one. An
 * empty text or list counts for nothing, though a command that everybody leaves empty is an empty command.
 */
export function mergeRun(image: RawImage, visited: readonly Module[]): Run {
  const runs = [image, ...visited.toReversed()].map(({ run }) => run);
  return given({
    user: firstText(runs.map(({ user }) => user)),
    workdir: firstText(runs.map(({ workdir }) => workdir)),
    cmd: firstList(runs.map(({ cmd }) => cmd)),
    entrypoint: firstList(runs.map(({ entrypoint }) => entrypoint)),
  });
}

function firstText(texts: readonly (Located | null | undefined)[]): Located | undefined {
  return texts.find(text => text !== undefined && text?.text !== '') ?? undefined;
}

function firstList(lists: readonly RawRun['cmd'][]): readonly Located[] | undefined {
  const given = lists.filter(list => list !== undefined);
  return (given.find(list => list === null || list.words.length > 0) ?? given[0])?.words;
}

/** The help page that is asked for: by the module installed last that speaks of one, else by the image. */
export async function helpOf(image: RawImage, installed: readonly Module[], places: Places): Promise<Help> {
  const module = installed.findLast(({ help }) => help.add !== undefined || help.template !== undefined);
  const { add, template } = (module ?? image).help;
  if (template === undefined) return { add: add?.value ?? false };
  const text = module === undefined ? imagePath(template) : await modulePath(template, module, places);
  return { add: add?.value ?? false, template: { text, at: template.at } };
}
