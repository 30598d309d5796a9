import type { ConfigChange } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { defaultPath } from '../references.ts';
import { type Directives, type LayerContext, readText, readTextList, readTextMap } from './directives.ts';
import { readCommandLine, readVariables } from './run.ts';

/** What the layer's directives change in the image config. */
export function readImageConfig(directives: Directives, context: LayerContext): ConfigChange {
  const workingDir = readText(directives, 'working_dir');
  const user = readUser(directives);
  return {
    environment: readVariables(directives, 'environment', context),
    defaultEnvironment: [['PATH', defaultPath]],
    labels: readTexts(directives, 'labels', context),
    volumes: readTextList(directives, 'volumes').map(({ text }) => text),
    ...(workingDir !== undefined && { workingDir }),
    ...(user !== undefined && { user }),
    ...readCommand(directives),
  };
}

/** A map of texts as a record. */
export function readTexts(
  directives: Directives,
  name: string,
  context: LayerContext,
): Record<string, string> {
  return Object.fromEntries(readTextMap(directives, name, context).map(([key, value]) => [key, value]));
}

/** `user` is the older name of `runtime_user`. */
function readUser(directives: Directives): string | undefined {
  const user = readText(directives, 'user');
  const runtimeUser = readText(directives, 'runtime_user');
  if (user !== undefined && runtimeUser !== undefined && user !== runtimeUser) {
    throw new AshlarError(`'user' (${user}) and 'runtime_user' (${runtimeUser}) differ`, {
      at: directives.get('runtime_user')?.value.span,
      hint: 'they mean the same; give one of them',
    });
  }
  return runtimeUser ?? user;
}

/** `full_command` clears what is inherited; what the layer gives besides it, it gives on top. Empty lists clear. */
function readCommand(directives: Directives): Pick<ConfigChange, 'entrypoint' | 'cmd'> {
  const full = readCommandLine(directives, 'full_command');
  const entrypoint = readCommandLine(directives, 'entrypoint') ?? full;
  const cmd = readCommandLine(directives, 'cmd') ?? (full && []);
  return {
    ...(entrypoint !== undefined && { entrypoint: orNull(entrypoint) }),
    ...(cmd !== undefined && { cmd: orNull(cmd) }),
  };
}

function orNull(words: readonly string[]): readonly string[] | null {
  return words.length > 0 ? words : null;
}
