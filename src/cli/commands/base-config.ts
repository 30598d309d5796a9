/** What the config of a base says, where somebody can be asked. */
import { openImage, type Platform, parseReference } from '../../oci/index.ts';
import type { BaseConfig } from '../../recipes/dockerfile/index.ts';
import { AshlarError, codeOf, messageOf } from '../../support/errors.ts';
import type { Log } from '../log.ts';

/** How long a registry may take to say what the environment of a base is; without it the conversion goes on. */
const patience = 20_000;

/** Undefined where it cannot be had; the log of debugging says why. */
export async function readBase(
  url: string,
  platform: Platform,
  log: Log,
  insecure = false,
): Promise<BaseConfig | undefined> {
  try {
    const signal = AbortSignal.timeout(patience);
    const { config } = await openImage(parseReference(url), { platform, insecure, signal });
    const { Env, WorkingDir = '', User = '', Cmd } = config.config ?? {};
    return { environment: Env ?? [], workingDir: WorkingDir, user: User, ...(Cmd && { cmd: Cmd }) };
  } catch (error) {
    if (!(error instanceof AshlarError || error instanceof DOMException || codeOf(error))) throw error;
    log('debug', `cannot look at ${url}: ${messageOf(error)}`);
    return undefined;
  }
}
