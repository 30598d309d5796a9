/** The inner process of the sandbox tests: runs what it is sent and answers with status and output. */
import { mkdirSync } from 'node:fs';
import {
  type HostMount,
  type Identity,
  probeRuntime,
  type RuntimeName,
  runInTree,
  settleInNamespaces,
} from '../../src/sandbox/index.ts';
import { messageOf } from '../../src/support/errors.ts';

export interface Request {
  readonly scratch: string;
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly script: string;
  readonly mounts: readonly HostMount[];
  readonly runtime: RuntimeName | 'probe';
  readonly network: 'host' | 'none';
  readonly identity?: Identity;
  /** Milliseconds until it is stopped. */
  readonly stopAfter?: number;
}

export type Reply =
  | { readonly status: number; readonly output: string; readonly runtime: RuntimeName }
  | { readonly error: string };

process.on('disconnect', () => process.exit());
process.on('message', async (request: Request) => {
  try {
    settleInNamespaces();
    mkdirSync(request.scratch, { recursive: true });
    const runtime =
      request.runtime === 'probe'
        ? (await probeRuntime(`${request.scratch}-probe`)).runtime
        : request.runtime;
    const output: Uint8Array[] = [];
    const status = await runInTree({
      ...request,
      runtime,
      process: {
        args: ['/bin/sh', '-c', request.script],
        environment: { PATH: '/bin', SOME: 'value with "quotes"' },
        hostname: 'stacker',
        network: request.network,
        ...(request.identity && { identity: request.identity }),
      },
      streams: { kind: 'collected', output: bytes => output.push(bytes) },
      signal:
        request.stopAfter === undefined
          ? new AbortController().signal
          : AbortSignal.timeout(request.stopAfter),
    });
    process.send?.({ status, output: Buffer.concat(output).toString(), runtime } satisfies Reply);
  } catch (error) {
    process.send?.({ error: messageOf(error) } satisfies Reply);
  }
});
