import { AshlarError } from '../../../support/errors.ts';
import type { Listener } from '../descriptor/read.ts';
import type { RawInstall } from '../descriptor/types.ts';
import { chooseModule, type Module, type Registry } from './registry.ts';

export interface OrderedModules {
  /** A module before what it depends on. */
  readonly visited: readonly Module[];
  /** A module after what it depends on. */
  readonly installed: readonly Module[];
}

// Far deeper than any modules that people write, far less than what would exhaust the stack.
const maxDepth = 1000;

/**
 * The modules that an image installs, with all that they depend on. Where the image itself names a module, its word on
 * the version counts; otherwise that of the first module that asks for it.
 */
export function orderModules(
  install: readonly RawInstall[],
  registry: Registry,
  listener: Listener,
): OrderedModules {
  const ofImage = new Map(install.map(request => [request.name.text, request]));
  const chosen = new Map<string, Module>();
  const installed: Module[] = [];

  const dependents: string[] = [];

  const visit = (asked: RawInstall) => {
    const request = ofImage.get(asked.name.text) ?? asked;
    const { name, version } = request;
    const known = chosen.get(name.text);
    if (known !== undefined) {
      const used = known.version.text;
      if (version !== undefined && version.text !== used) {
        listener.warn(
          `Module version inconsistency for ${name.text}: ${version.text} requested, but ${used} will be used.`,
          version.at,
        );
      }
      if (dependents.includes(name.text)) {
        const cycle = [...dependents.slice(dependents.indexOf(name.text)), name.text].join(' -> ');
        listener.warn(`modules depend on each other: ${cycle}`, asked.at);
      }
      return;
    }
    if (dependents.length === maxDepth)
      throw new AshlarError('modules depend on too many others', { at: asked.at });
    const module = chooseModule(registry, request, listener);
    chosen.set(name.text, module);
    dependents.push(name.text);
    for (const dependency of module.modules.install) visit(dependency);
    dependents.pop();
    installed.push(module);
  };
  for (const request of install) visit(request);
  return { visited: [...chosen.values()], installed };
}
