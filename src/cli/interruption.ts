/** Stops a build from outside (Ctrl-C); everything that runs for it is ended and removed before we leave. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
}

/** A signal that is aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
export function interruptible(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interruption('interrupted'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}
