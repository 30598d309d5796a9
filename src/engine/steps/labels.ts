/** Labels that a script makes out of the finished tree of an image. */
import type { LabelScript } from '../../plan/types.ts';
import { once, say } from '../context.ts';
import { labelParts } from '../keys/key-parts.ts';
import { type KeyPart, keyOf } from '../keys/keys.ts';
import { OutputTail } from './failing-line.ts';
import { roomOf } from './rooms.ts';
import { scriptFailure } from './script-failure.ts';
import type { StepContext } from './steps.ts';

type Labels = Readonly<Record<string, string>>;

export interface GeneratedLabels {
  readonly labels: Labels;
  /** What they depend on. */
  readonly parts: readonly KeyPart[];
  readonly cached: boolean;
}

/** Runs the script unless its labels are known; it changes nothing of the tree. */
export function generateLabels(script: LabelScript, step: StepContext): Promise<GeneratedLabels> {
  const { context, plan, layers, imports } = step;
  const { store, options } = context;
  const parts = labelParts(script, plan, imports, layers, options);
  const key = keyOf('labels', parts);
  return once(context, `labels ${key}`, async () => {
    const known = options.noCache ? undefined : (store.database.recall('lookups', key) as Labels | undefined);
    if (known) return { labels: known, parts, cached: true };
    step.onMiss(parts, 'changed');
    const labels = await runLabelScript(script, step);
    store.database.remember('lookups', key, labels);
    return { labels, parts, cached: false };
  });
}

async function runLabelScript(
  labelScript: LabelScript,
  { context, plan, layers, importsDirectory }: StepContext,
): Promise<Labels> {
  const { workshop, signal, emit } = context;
  const { script, surroundings, directories } = labelScript;
  const room = await roomOf(surroundings, layers, importsDirectory, context);
  const tail = new OutputTail();
  const result = await workshop.call(
    'labels',
    { ...room, script, directories },
    {
      signal,
      onOutput: bytes => {
        tail.add(bytes);
        emit({ kind: 'output', image: plan.name, bytes });
      },
      onWarning: text => say(context, plan.name, 'warning', text),
    },
  );
  if (result.kind === 'labels') return result.labels;
  throw scriptFailure(labelScript, result.status, tail, undefined);
}
