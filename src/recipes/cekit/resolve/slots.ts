import type { Listener } from '../descriptor/read.ts';
import type { LocatedPath, RawArtifact, RawImage } from '../descriptor/types.ts';
import type { Artifact } from '../model.ts';
import { imagePath, modulePath, type Places } from '../modules/places.ts';
import type { Module } from '../modules/registry.ts';
import { resolveArtifact } from './artifacts.ts';

/** The artifacts of an image and of its modules. */
export interface FilledSlots {
  readonly ofImage: readonly Artifact[];
  readonly ofModules: ReadonlyMap<Module, readonly Artifact[]>;
}

/**
 * An artifact of a module is a slot: one of the image that has its name takes its place, whatever their kinds, and is
 * copied by the image once more. What is replaced is not looked at. `declared` is the image before overrides: artifacts
 * that only overrides have go where the slot would have gone, unless they say it themselves.
 */
export async function fillSlots(
  image: RawImage,
  declared: RawImage,
  modules: readonly Module[],
  places: Places,
  listener: Listener,
): Promise<FilledSlots> {
  const ofDescriptor = new Set(declared.artifacts.map(({ name }) => name.text));
  const fillers = new Map(image.artifacts.map(artifact => [artifact.name.text, artifact]));
  const slots = new Map(modules.flatMap(({ artifacts }) => artifacts.map(slot => [slot.name.text, slot])));
  warnOfSameNames(image.artifacts, listener);
  const free = modules.flatMap(({ artifacts }) => artifacts).filter(({ name }) => !fillers.has(name.text));
  warnOfSameNames(free, listener);

  const fill = (filler: RawArtifact, slot: RawArtifact | undefined) =>
    resolveArtifact(
      slot === undefined || ofDescriptor.has(filler.name.text) ? filler : inPlaceOf(slot, filler),
      async path => imagePath(path),
      listener,
    );
  const ofModule = async (module: Module) => {
    const pathOf = (path: LocatedPath) => modulePath(path, module, places);
    const artifacts = await Array.fromAsync(module.artifacts, slot => {
      const filler = fillers.get(slot.name.text);
      return filler ? fill(filler, slot) : resolveArtifact(slot, pathOf, listener);
    });
    warnOfSameFiles(artifacts, listener);
    return [module, artifacts] as const;
  };
  // One after the other, so that messages come in the order of the descriptors.
  const ofModules = new Map(await Array.fromAsync(modules, ofModule));
  const ofImage = await Array.fromAsync(image.artifacts, artifact =>
    fill(artifact, slots.get(artifact.name.text)),
  );
  warnOfSameFiles(ofImage, listener);
  return { ofImage, ofModules };
}

function inPlaceOf({ dest, target, mode, uid, gid }: RawArtifact, filler: RawArtifact): RawArtifact {
  return {
    ...(dest && { dest }),
    ...(target && { target }),
    ...(mode && { mode }),
    ...(uid && { uid }),
    ...(gid && { gid }),
    ...filler,
  };
}

function warnOfSameNames(artifacts: readonly RawArtifact[], { warn }: Listener): void {
  const names = new Set<string>();
  for (const { name, at } of artifacts) {
    if (names.has(name.text)) warn(`there are two artifacts '${name.text}'; both are copied`, at);
    names.add(name.text);
  }
}

/** Tells of artifacts of one section that become the same file. */
function warnOfSameFiles(artifacts: readonly Artifact[], { warn }: Listener): void {
  const files = new Map<string, string>();
  for (const { name, dest, target, at } of artifacts) {
    const file = `${dest}${target}`;
    const other = files.get(file);
    if (other !== undefined && other !== name)
      warn(`the artifacts '${other}' and '${name}' both become ${file}; the last one counts`, at);
    files.set(file, name);
  }
}
