import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RegistryOptions {
  /** Asks for this name and password (Basic). */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Speaks https with a certificate by an authority made for this registry; `mutual`: wants one of clients too. */
  readonly tls?: boolean | 'mutual';
}

/** A `docker-registry` of its own on 127.0.0.1. Its storage goes with it. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly url: string;
  /** The file of the authority that signed its certificate, with `tls`. */
  readonly authority: string | undefined;
  /** The files of its own certificate, with `tls`; with `mutual`, clients may show it too. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
  /** Its storage directory. */
  readonly storage: string;
}

/** Starts a registry on a free port. Needs docker-registry, and for its options htpasswd and openssl. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const storage = join(directory, 'storage');
  const certificate = options.tls ? makeCertificate(directory) : undefined;
  const authority = options.tls ? join(directory, 'ca.crt') : undefined;
  const clients = options.tls === 'mutual' ? { clientcas: [authority] } : {};
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: host, ...(certificate ? { tls: { ...certificate, ...clients } } : {}) },
    ...(options.auth ? { auth: { htpasswd: makePasswords(directory, options.auth) } } : {}),
  };
  // JSON is YAML.
  const file = join(directory, 'config.yml');
  await writeFile(file, JSON.stringify(config));
  const server = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', bytes => {
    log += bytes;
  });
  const ended = once(server, 'exit');
  const url = `${options.tls ? 'https' : 'http'}://${host}`;
  await waitUntilListening(host, () => {
    if (server.exitCode !== null) throw new Error(`docker-registry ended: ${log}`);
  });
  return {
    host,
    url,
    authority,
    certificate,
    storage,
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function waitUntilListening(host: string, check: () => void): Promise<void> {
  for (;;) {
    check();
    try {
      // Any answer will do, a complaint about missing TLS too.
      await fetch(`http://${host}/v2/`);
      return;
    } catch {
      await sleep(25);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function makePasswords(directory: string, { username, password }: { username: string; password: string }) {
  const path = join(directory, 'htpasswd');
  run('htpasswd', ['-cbB', '-C', '4', path, username, password]);
  return { realm: 'test', path };
}

/** An authority, and a certificate for 127.0.0.1 and localhost that it has signed. */
function makeCertificate(directory: string) {
  const path = (name: string) => join(directory, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run('openssl', [
    ...['req', '-x509', '-subj', '/CN=ashlar test authority', '-days', '2', ...newKey],
    ...['-keyout', path('ca.key'), '-out', path('ca.crt')],
  ]);
  run('openssl', [
    ...['req', '-x509', '-subj', '/CN=localhost', '-days', '2', ...newKey],
    ...['-CA', path('ca.crt'), '-CAkey', path('ca.key')],
    ...[
      '-addext',
      'subjectAltName=IP:127.0.0.1,DNS:localhost',
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ],
    ...['-keyout', path('server.key'), '-out', path('server.crt')],
  ]);
  return { certificate: path('server.crt'), key: path('server.key') };
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
}
