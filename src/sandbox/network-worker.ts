/** The entry of the thread that lives in a network of its own, and asks what listens there. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { enterNewNetwork } from '../linux/index.ts';
import { messageOf } from '../support/errors.ts';
import type { FromNetwork, NetworkQuestion, PageAnswer, PageQuestion, ToNetwork } from './network.ts';

/** Bytes that are read of a page. */
const PAGE_LIMIT = 8 << 20;

function send(message: FromNetwork): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', async ({ id, question }: ToNetwork) => {
  send({ kind: 'answer', id, answer: await answerTo(question) });
});

try {
  send({ kind: 'entered', path: enterNewNetwork() });
} catch (error) {
  send({ kind: 'refused', reason: messageOf(error) });
}

async function answerTo(question: NetworkQuestion): Promise<PageAnswer> {
  try {
    return await ('method' in question ? askForPage(question) : knock(question.port));
  } catch (error) {
    // Neither ports nor paths are always what can be asked for.
    return { kind: 'silent', reason: messageOf(error) };
  }
}

const HOST = '127.0.0.1';

function knock(port: number): Promise<PageAnswer> {
  return new Promise(resolve => {
    const socket = connect({ host: HOST, port });
    socket.on('connect', () => {
      socket.destroy();
      resolve({ kind: 'open' });
    });
    socket.on('error', ({ message }) => resolve({ kind: 'silent', reason: message }));
  });
}

function askForPage({ port, path, method, headers, body, patience }: PageQuestion): Promise<PageAnswer> {
  return new Promise(resolve => {
    const silent = ({ message }: Error) => resolve({ kind: 'silent', reason: message });
    const asked = request({ host: HOST, port, path, method, headers, timeout: patience }, response => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= PAGE_LIMIT) chunks.push(chunk);
        else response.destroy(new Error('the page is too large to be looked at'));
      });
      response.on('error', silent);
      response.on('end', () =>
        resolve({ kind: 'page', status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', silent);
    asked.end(body);
  });
}
