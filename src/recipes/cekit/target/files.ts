/** What CEKit puts into its target directory, as data: whoever writes it fetches and copies what is named here. */
import { AshlarError } from '../../../support/errors.ts';
import { readText } from '../../../support/text-file.ts';
import { isBelow } from '../dockerfile/context.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { targetLabels } from '../dockerfile/statements.ts';
import { helpPage } from '../help/page.ts';
import { fillTemplate } from '../help/template.ts';
import type { Description, Stage } from '../model.ts';
import { contextFiles } from './context-files.ts';
import { osbsFiles } from './osbs.ts';
import type { TargetFile, TargetOptions } from './types.ts';
import { toYaml } from './yaml.ts';

/**
 * All files of the target directory. Those of the Dockerfile's directory are below `image`.
 * Throws an `AshlarError` where a name would lead out of the directory, and where a help template cannot be filled.
 */
export async function targetFiles(
  description: Description,
  options: TargetOptions,
): Promise<readonly TargetFile[]> {
  const { target } = description;
  const text = (path: string, text: string): TargetFile => ({ kind: 'text', path, text, at: target.at });
  const files: readonly TargetFile[] = [
    text('image.yaml', toYaml(effectiveDescriptor(target, options.version), { sorted: true })),
    text(`image/${options.containerFile}`, renderDockerfile(description, options)),
    ...(target.help.add ? [text('image/help.md', await helpText(target, options.version))] : []),
    ...(options.osbs ? await osbsFiles(description, options) : []),
    ...contextFiles(description, options),
  ];
  for (const { path, at } of files) {
    if (!isBelow(path)) throw new AshlarError(`'${path}' would be outside of the target directory`, { at });
  }
  return files;
}

/** The descriptor of the target as it came out of overrides, with what its modules and CEKit itself add to it. */
function effectiveDescriptor(target: Stage, version: string): Readonly<Record<string, unknown>> {
  const { user, workdir, cmd, entrypoint } = target.run;
  const run = {
    user: user?.text ?? 'root',
    ...(workdir && { workdir: workdir.text }),
    ...(cmd && { cmd: cmd.map(({ text }) => text) }),
    ...(entrypoint && { entrypoint: entrypoint.map(({ text }) => text) }),
  };
  const labels = targetLabels(target, version).map(({ name, value, description }) => ({
    name: name.text,
    value: value.text,
    ...(description === undefined ? {} : { description }),
  }));
  return { ...target.effective, labels, run };
}

async function helpText(target: Stage, version: string): Promise<string> {
  const { template } = target.help;
  if (template === undefined) return helpPage(target, version);
  const source = await readText(template.text).catch((cause: unknown) => {
    throw new AshlarError(`cannot read the help template ${template.text}`, { at: template.at, cause });
  });
  return fillTemplate(source, effectiveDescriptor(target, version));
}
