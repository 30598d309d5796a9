import { stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { AshlarError } from '../../../support/errors.ts';
import { given } from '../../../support/given.ts';
import type {
  RawArg,
  RawEnv,
  RawExecute,
  RawImage,
  RawLabel,
  RawPort,
  RawSections,
  RawVolume,
} from '../descriptor/types.ts';
import type { Arg, Artifact, Env, Execute, Label, Port, Section, Volume } from '../model.ts';
import type { Module } from '../modules/registry.ts';

/** What an image adds by itself. */
export function imageSection(image: RawImage, artifacts: readonly Artifact[]): Section {
  const { name, version } = image;
  return { name: name.text, version: version.text, artifacts, ...commonParts(image), execute: [] };
}

/** What a module adds. Throws an `AshlarError` where a script is not there, or could not be in the image. */
export async function moduleSection(module: Module, artifacts: readonly Artifact[]): Promise<Section> {
  const { name, version, directory } = module;
  if (module.execute.length > 0) checkDirectoryName(module);
  const execute = await Array.fromAsync(module.execute, entry => readExecute(entry, module));
  return { name: name.text, version: version.text, directory, artifacts, ...commonParts(module), execute };
}

function commonParts(raw: RawSections) {
  return {
    install: raw.packages.install,
    remove: raw.packages.remove,
    reinstall: raw.packages.reinstall,
    args: raw.args.map(readArg),
    envs: raw.envs.map(readEnv),
    labels: raw.labels.map(readLabel),
    ports: raw.ports.map(readPort),
    volumes: raw.volumes.map(readVolume),
    at: raw.at,
  };
}

function readArg({ name, value, example, description }: RawArg): Arg {
  if (!/^[^\s=]+$/.test(name.text)) {
    const why = 'it has a space or = in it or is empty';
    throw new AshlarError(`'${name.text}' cannot be the name of a build argument: ${why}`, { at: name.at });
  }
  return {
    name,
    ...given({ value: value ?? undefined, example: example?.text, description: description?.text }),
  };
}

function readEnv({ name, value, example, description }: RawEnv): Env {
  return {
    name,
    ...given({ value: value ?? undefined, example: example?.text, description: description?.text }),
  };
}

function readLabel({ name, value, description }: RawLabel): Label {
  return { name, value, ...given({ description: description?.text }) };
}

function readPort({ value, protocol, service, expose, description, at }: RawPort): Port {
  return {
    value: value.value,
    ...given({
      protocol: protocol?.text.toLowerCase(),
      service: service?.text,
      description: description?.text,
    }),
    expose: expose?.value ?? true,
    at,
  };
}

function readVolume({ path, name }: RawVolume): Volume {
  return { path, name: name?.text ?? basename(path.text) };
}

/** The name says where the module's directory is while its scripts run, and that must be a place of its own. */
function checkDirectoryName({ name }: Module): void {
  const path = posix.normalize(name.text);
  if (!/^(?:\/|\.\.?(?:\/|$))/.test(path)) return;
  throw new AshlarError(`module '${name.text}' cannot have a directory in /tmp/scripts`, {
    at: name.at,
    hint: 'its directory there has the name of the module: give it one without .. and / in front',
  });
}

async function readExecute({ script, user, at }: RawExecute, module: Module): Promise<Execute> {
  const path = join(module.directory, script.text);
  const status = await stat(path).catch(() => undefined);
  if (!status?.isFile()) {
    throw new AshlarError(`module '${module.name.text}' has no script '${script.text}'`, {
      at: script.at,
      hint: `${path} is not a file`,
    });
  }
  return { script, user: user ?? { text: 'root', at } };
}
