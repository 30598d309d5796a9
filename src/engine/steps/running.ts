/** Runs what steps run: output becomes events, changes become a layer, and failures may be looked at. */
import type { PackedLayer } from '../../layers/index.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { Censor } from '../../support/secrets.ts';
import { say } from '../context.ts';
import type { ChangesPack, Room } from '../inside/request-parts.ts';
import type { RunRequest } from '../inside/requests.ts';
import { runShell } from '../shell/shells.ts';
import { OutputTail } from './failing-line.ts';
import type { StepContext } from './steps.ts';

/** What is said of a failure. `advice`: what else the user can do. */
type Failure = (status: number, output: OutputTail, advice: string | undefined) => AshlarError;

/**
 * Runs something in a room; undefined when it changed nothing. Its output is shown without the secrets.
 * @throws what `failure` says when it fails.
 */
export async function runInRoom(
  room: Room,
  work: RunRequest['work'],
  failure: Failure,
  pack: ChangesPack,
  step: StepContext,
  secrets: readonly string[] = [],
): Promise<PackedLayer | undefined> {
  const { context, plan } = step;
  const { workshop, signal, emit, options } = context;
  const tail = new OutputTail();
  const censor = new Censor(secrets);
  const show = (bytes: Uint8Array) => {
    if (bytes.length === 0) return;
    tail.add(bytes);
    emit({ kind: 'output', image: plan.name, bytes });
  };
  const result = await workshop.call(
    'run',
    { ...room, work, pack, keepFailed: options.onRunFailure !== undefined },
    {
      signal,
      onOutput: bytes => show(censor.pass(bytes)),
      onPacking: bytes => emit({ kind: 'packing', image: plan.name, bytes }),
      onWarning: text => say(context, plan.name, 'warning', text),
    },
  );
  show(censor.end());
  switch (result.kind) {
    case 'failed':
      if (result.changes !== undefined) {
        workshop.removeAtEnd(result.changes);
        await runOnFailure(room, result.changes, step);
      }
      throw failure(
        result.status,
        tail,
        options.onRunFailure ? undefined : '--shell-fail opens a shell in the tree as the failed run left it',
      );
    case 'unchanged':
      return undefined;
    case 'layer':
      return result.layer;
  }
}

/** Runs what the user wants to run where something has failed. What becomes of it changes nothing. */
async function runOnFailure(room: Room, changes: string, { context, plan }: StepContext): Promise<void> {
  const { options, terminal, signal } = context;
  const { onRunFailure: command = [] } = options;
  using taken = await terminal.take(plan.name);
  if (!taken) return;
  try {
    const status = await runShell({ ...room, command, changes }, context);
    if (status !== 0) throw new AshlarError(`exit status ${status}`);
  } catch (error) {
    signal.throwIfAborted();
    say(context, plan.name, 'info', `failed executing ${command.join(' ')}: ${messageOf(error)}`);
  }
}
