import { AshlarError } from '../../../support/errors.ts';
import type { Description, ImageArtifact, Located, Section, Stage } from '../model.ts';

/**
 * Throws an `AshlarError` where two builder images have one name or one has outputs, where a stage needs one that is not there before it,
 * and where something would have to run in an empty image.
 */
export function checkStages({ builders, target }: Description): void {
  const names = builders.map(({ name }) => name.text);
  for (const [index, stage] of [...builders, target].entries()) {
    const { name, from } = stage;
    if (index < builders.length && names.indexOf(name.text) < index) {
      throw new AshlarError(`there are two builder images '${name.text}'`, {
        at: name.at,
        hint: 'later images could not tell them apart',
      });
    }
    if (index < builders.length && stage.outputs)
      throw new AshlarError(`the image '${name.text}' has outputs, and others come after it`, {
        at: stage.outputs.at,
        hint: 'only the last image of the list is handed out',
      });
    // An image may well be made from one of its own name: that is then a reference.
    if (names.slice(index + 1).includes(from.text)) throw comesLater(from);
    for (const { image } of imageArtifactsOf(stage)) {
      if (names.slice(index).includes(image.text)) throw comesLater(image);
    }
    if (from.text === 'scratch' && !names.slice(0, index).includes('scratch')) checkRunsNothing(stage);
  }
}

function comesLater({ text, at }: Located): AshlarError {
  return new AshlarError(`the image '${text}' is not built yet here`, {
    at,
    hint: 'images can use those that come before them in the list',
  });
}

function imageArtifactsOf(stage: Stage): readonly ImageArtifact[] {
  return sectionsOf(stage)
    .flatMap(({ artifacts }) => artifacts)
    .filter(artifact => artifact.kind === 'image');
}

function checkRunsNothing(stage: Stage): void {
  for (const section of sectionsOf(stage)) {
    const { name, execute, install, remove, reinstall } = section;
    const [script] = execute.map(entry => entry.script);
    if (script !== undefined) {
      throw new AshlarError(`module '${name}' cannot run '${script.text}' in an image made from scratch`, {
        at: script.at,
        hint: 'there is no shell in an empty image; run it in a builder image',
      });
    }
    const [found] = [...install, ...remove, ...reinstall];
    if (found !== undefined) {
      throw new AshlarError(`'${found.text}' cannot be a package of an image made from scratch`, {
        at: found.at,
        hint: 'there is no package manager in an empty image',
      });
    }
  }
}

function sectionsOf({ modules, image }: Stage): readonly Section[] {
  return [...modules, image];
}
