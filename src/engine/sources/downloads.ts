/** Files that come by URL: downloaded once, kept in the store by content, fetched again when the server has another. */
import type { ChecksumAlgorithm } from '../../plan/checksums.ts';
import { nameOfSource } from '../../plan/names.ts';
import type { Checksums, FileSource, HttpSource, KeptSource } from '../../plan/types.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import type { HttpResponse } from '../../support/http.ts';
import { findFile } from '../artifacts/find.ts';
import { fileOf, keepFile, type StoredFile, type TakenFile, takeFile } from '../artifacts/stored-files.ts';
import { type LookContext, say } from '../context.ts';
import { algorithmsOf, type Mismatch, mismatchError, mismatchOf, mismatchText } from './checksums.ts';
import { askingFor, downloading, expectFile, type FetchContext } from './fetching.ts';
import { watched } from './transfers.ts';

/** What is remembered of a URL. */
interface Remembered {
  readonly sha256: string;
  readonly size: number;
  /** What the server calls this content. */
  readonly etag?: string | undefined;
}

/** Artifactory's header for the SHA-256 of a file; the only cheap way to learn that a file has changed. */
const CHECKSUM_HEADER = 'x-checksum-sha256';

/**
 * The file of a URL. With checksums in the description and a file of these checksums in the store nothing is asked; else
 * the server is asked (HEAD) whether it has another file. @throws AshlarError when it cannot be had or has another hash.
 */
export async function download(source: HttpSource, image: string, context: LookContext): Promise<StoredFile> {
  const pinned = algorithmsOf(source.checksums ?? {}).length > 0;
  return (
    (pinned ? await recallWanted(source, context) : undefined) ??
    (await fromElsewhere(source, image, context)) ??
    (source.revalidate && !pinned
      ? downloadAnew(source, image, context)
      : downloadUnlessKnown(source, image, context))
  );
}

/** A file that is here under its checksums, else what a mirror has. */
export async function fromElsewhere(
  source: FileSource | HttpSource | KeptSource,
  image: string,
  context: LookContext,
): Promise<StoredFile | undefined> {
  const { checksums: wanted = {} } = source;
  const here = algorithmsOf(wanted).length > 0 ? await findFile(wanted, context) : undefined;
  if (!here) return askMirrors(source, image, context);
  // It was found by one checksum; the others may differ.
  const mismatch = mismatchOf(wanted, here.checksums);
  if (mismatch) throw mismatchError(source, mismatch, differentHash(nameOfSource(source), mismatch));
  return here;
}

/** In stacker's words. */
export function differentHash(name: string, { wanted, actual }: Mismatch): string {
  return `The requested hash of ${name} import is different than the actual hash: ${wanted} != ${actual}`;
}

/** The file of the first mirror that has it. What a mirror does wrong is of no interest: there are others. */
async function askMirrors(
  { mirrors = [], checksums: wanted = {} }: HttpSource | KeptSource | FileSource,
  image: string,
  context: LookContext,
): Promise<StoredFile | undefined> {
  for (const url of mirrors) {
    const tell = (text: string) => say(context, image, 'debug', text);
    try {
      const { taken } = await fetchFile(
        { url, algorithms: algorithmsOf(wanted), image, retry: false },
        context,
      );
      const mismatch = mismatchOf(wanted, taken.checksums);
      if (!mismatch) return await keepFile(taken, context.store);
      tell(mismatchText(url, mismatch));
    } catch (error) {
      if (!(error instanceof AshlarError)) throw error;
      tell(messageOf(error));
    }
  }
  return undefined;
}

/** What is here is used where the server does not say that it has another file. */
async function downloadUnlessKnown(
  source: HttpSource,
  image: string,
  context: LookContext,
): Promise<StoredFile> {
  const { url, checksums: wanted = {} } = source;
  const tell = (text: string) => say(context, image, 'info', text);
  const known = algorithmsOf(wanted).length > 0 ? undefined : (await recall(url, context))?.file;
  const announced = await announcedHash(url, context, text => say(context, image, 'debug', text));
  if (announced.kind === 'unreachable') tell(`cannot obtain file info of ${url}`);
  else if (known && announced.kind === 'silent')
    tell(`Couldn't obtain file info of ${url}, using cached copy`);
  if (known && announced.kind !== 'hash') return known;
  if (announced.kind === 'hash') {
    if (known?.checksums.sha256 === announced.sha256) {
      tell(`matched hash of ${url}, using cached copy`);
      return known;
    }
    const mismatch = mismatchOf(wanted, { sha256: announced.sha256 });
    if (mismatch) throw mismatchError(source, mismatch, differentHash(url, mismatch));
  }
  tell(`downloading ${url}`);
  const fetched = await fetchFile({ url, algorithms: algorithmsOf(wanted), image }, context);
  const { checksums } = fetched.taken;
  if (algorithmsOf(wanted).length > 0) {
    tell('Checking shasum of downloaded file');
    const mismatch = mismatchOf(wanted, checksums);
    if (mismatch) {
      const text = `Downloaded file hash does not match. Expected: ${mismatch.wanted} Actual: ${mismatch.actual}`;
      throw mismatchError(source, mismatch, text);
    }
  } else if (announced.kind === 'hash' && announced.sha256 !== checksums.sha256) {
    say(
      context,
      image,
      'warning',
      `Downloaded file hash "${checksums.sha256}" does not match hash from HTTP header "${announced.sha256}"`,
    );
  }
  return keep(url, fetched, context);
}

/** What is here is used only where the server says that it has no other, or cannot be reached. */
async function downloadAnew({ url }: HttpSource, image: string, context: LookContext): Promise<StoredFile> {
  const known = await recall(url, context);
  const { ConnectionError } = await import('../../support/http.ts');
  const order: Order = { url, algorithms: [], image, etag: known?.etag, retry: !known };
  say(context, image, 'info', `downloading ${url}`);
  return downloading(url, async () => {
    try {
      let answer = await ask(order, context);
      if (known && ![200, 304].includes(answer.response.status)) {
        // Who is offline is not to wait for that to pass; a server that answers may be busy.
        await answer.response[Symbol.asyncDispose]();
        answer = await ask({ ...order, retry: true }, context);
      }
      if (!known || answer.response.status !== 304)
        return await keep(url, await takeAnswer(answer, order, context), context);
      await answer.response[Symbol.asyncDispose]();
    } catch (error) {
      if (!known || !(error instanceof ConnectionError)) throw error;
      say(context, image, 'warning', `${error.message}; using the cached copy of ${url}`);
    }
    return known.file;
  });
}

/** What an earlier `download` gave; nobody is asked. */
export async function knownDownload(
  source: HttpSource,
  context: LookContext,
): Promise<StoredFile | undefined> {
  const { checksums: wanted = {} } = source;
  const before = await recallWanted(source, context);
  return before ?? (algorithmsOf(wanted).length > 0 ? findFile(wanted, context) : undefined);
}

/**
 * The SHA-256 of what `download` would give, without downloading anything; undefined when only a download can tell.
 */
export async function peekDownload(source: HttpSource, context: LookContext): Promise<string | undefined> {
  const { url, checksums: wanted = {} } = source;
  if (wanted.sha256 !== undefined) return wanted.sha256;
  const known = (await knownDownload(source, context))?.checksums.sha256;
  if (algorithmsOf(wanted).length > 0) return known;
  const announced = await announcedHash(url, context, () => {});
  return announced.kind === 'hash' ? announced.sha256 : known;
}

/** The file that was downloaded before, unless another one is wanted now. */
async function recallWanted(
  { url, checksums: wanted = {} }: HttpSource,
  context: LookContext,
): Promise<StoredFile | undefined> {
  const known = await recall(url, context, wanted);
  return known && !mismatchOf(wanted, known.file.checksums) ? known.file : undefined;
}

/** The verified file that was downloaded before, with these checksums of it known. */
async function recall(
  url: string,
  { store, options }: LookContext,
  wanted: Checksums = {},
): Promise<{ readonly file: StoredFile; readonly etag: string | undefined } | undefined> {
  if (options.noCache) return undefined;
  const known = store.database.recall('downloads', url) as Remembered | undefined;
  if (!known) return undefined;
  const { sha256, size, etag } = known;
  const file = await fileOf({ size, checksums: { sha256 } }, wanted, store);
  return file && { file, etag };
}

async function keep(url: string, { taken, etag }: Fetched, { store }: LookContext): Promise<StoredFile> {
  const file = await keepFile(taken, store);
  const { sha256 } = file.checksums;
  store.database.remember('downloads', url, { sha256, size: file.size, etag } satisfies Remembered);
  return file;
}

type Announced =
  | { readonly kind: 'hash'; readonly sha256: string }
  | { readonly kind: 'silent' | 'unreachable' };

/** Asked once: who is offline is not to wait for that to pass, and a download that follows is tried again anyway. */
async function announcedHash(
  url: string,
  context: LookContext,
  debug: (text: string) => void,
): Promise<Announced> {
  const { ConnectionError, request } = await import('../../support/http.ts');
  const options = await askingFor(url, context, debug);
  try {
    await using response = await request(url, { ...options, method: 'HEAD', retry: false });
    const sha256 = response.status === 200 ? response.header(CHECKSUM_HEADER)?.toLowerCase() : undefined;
    return sha256 === undefined ? { kind: 'silent' } : { kind: 'hash', sha256 };
  } catch (error) {
    // Whether that matters depends on whether the file is here already.
    if (error instanceof ConnectionError) return { kind: 'unreachable' };
    throw error;
  }
}

interface Order {
  readonly url: string;
  /** The content will be compared with checksums of these. */
  readonly algorithms: readonly ChecksumAlgorithm[];
  /** The image that needs it. */
  readonly image: string;
  /** Of what is here: the server need not send that again. */
  readonly etag?: string | undefined;
  readonly retry?: boolean;
}

interface Fetched {
  readonly taken: TakenFile;
  readonly etag: string | undefined;
}

interface Answer {
  readonly response: HttpResponse;
  readonly body: AsyncIterable<Uint8Array>;
}

type FileContext = FetchContext & Pick<LookContext, 'store'>;

/** Downloads into a temporary file. @throws AshlarError that says why it could not be downloaded. */
export function fetchFile(order: Order, context: FileContext): Promise<Fetched> {
  return downloading(order.url, async () => takeAnswer(await ask(order, context), order, context));
}

async function ask({ url, algorithms, image, etag, retry }: Order, context: FileContext): Promise<Answer> {
  const { download: get } = await import('../../support/http.ts');
  const { headers, ...options } = await askingFor(url, context, text => say(context, image, 'debug', text));
  return get(url, {
    ...options,
    headers: { ...headers, ...(etag !== undefined && { 'if-none-match': etag }) },
    verified: algorithms.length > 0,
    ...(retry !== undefined && { retry }),
  });
}

async function takeAnswer(
  { response, body }: Answer,
  { url, algorithms, image }: Order,
  context: FileContext,
): Promise<Fetched> {
  await expectFile(response);
  const what = { image, what: 'file', name: url, from: 'network', size: response.length } as const;
  const taken = await takeFile(watched(body, what, context), algorithms, context.store);
  return { taken, etag: response.header('etag') };
}
