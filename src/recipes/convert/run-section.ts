import type { ConfigChange, ImagePlan, Step } from '../../plan/types.ts';
import type { Note, ReadBase } from '../dockerfile/index.ts';
import { bareWord, listed } from './dockerfile-words.ts';

/**
 * The section `run` of an image: what layers have on the way to it. Stages do not hand that on, and neither does an
 * image of CEKit have its base's user, or the command where it has an entry point of its own.
 */
export async function runOf(
  image: ImagePlan,
  images: ReadonlyMap<string, ImagePlan>,
  readBase: ReadBase,
): Promise<{ readonly run?: object; readonly notes: readonly Note[] }> {
  const notes: Note[] = [];
  const chain = [image];
  for (let first = chain[0]; first?.base.kind === 'built'; first = chain[0]) {
    const below = images.get(first.base.image);
    if (below === undefined) break;
    chain.unshift(below);
  }
  const changes = chain.map(({ config }) => config);
  const last = <K extends keyof ConfigChange>(key: K) =>
    changes.findLast(change => change[key] !== undefined)?.[key];
  const { base, platform } = chain[0] ?? image;
  const [user, workdir, entrypoint] = [last('user'), last('workingDir'), last('entrypoint')];
  let [finalUser, cmd] = [user, last('cmd')];
  if (base.kind === 'image' && (user === undefined || (entrypoint !== undefined && cmd === undefined))) {
    const known = await readBase(base.reference, platform, base.insecure);
    if (known === undefined) {
      const what = 'its user is not known here, and its command is lost where the image has an entrypoint';
      notes.push({ text: `${base.reference} cannot be asked: ${what}`, at: base.at });
    }
    finalUser ??= known?.user || undefined;
    if (entrypoint !== undefined) cmd ??= known?.cmd;
  }
  // CEKit has root then, whom an image without accounts does not know.
  const onNothing = base.kind === 'scratch' && image.base === base && !image.steps.some(isRun);
  if (!onNothing) finalUser ??= '0';
  const run = {
    ...(finalUser !== undefined && { user: bareWord(textOf(finalUser)) }),
    ...(workdir !== undefined && { workdir: bareWord(textOf(workdir)) }),
    ...(entrypoint !== undefined && { entrypoint: (entrypoint ?? []).map(listed) }),
    ...(cmd !== undefined && { cmd: (cmd ?? []).map(listed) }),
  };
  return { ...(Object.keys(run).length > 0 && { run }), notes };
}

const isRun = ({ kind }: Step): boolean => kind === 'run';

/** Stacker files have no variables in their values. */
function textOf(text: NonNullable<ConfigChange['user']>): string {
  if (typeof text === 'string') return text;
  throw new Error('values of stacker files are texts');
}
