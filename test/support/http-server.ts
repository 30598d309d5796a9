import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface SeenRequest {
  readonly method: string;
  /** Path and query; a whole URL when the server is used as proxy. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A plain http server on 127.0.0.1 that does what a test wants and remembers what it was asked. */
export interface TestServer extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  readonly requests: readonly SeenRequest[];
}

export type Answer = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

export async function serve(answer: Answer): Promise<TestServer> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '', headers } = incoming;
    // A client that breaks off in the middle is part of some tests.
    const body = await buffer(incoming).catch(() => Buffer.alloc(0));
    const request = { method, url, headers, body };
    requests.push(request);
    await answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const host = `127.0.0.1:${address.port}`;
  return {
    host,
    url: `http://${host}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends the head and this much of the body, then cuts the connection. */
export function cut(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Uint8Array,
): void {
  response.writeHead(status, headers);
  response.write(body, () => response.socket?.destroy());
}
