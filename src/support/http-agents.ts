import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { AshlarError, messageOf } from './errors.ts';

/** How the other end of an https connection is checked, beyond what the system trusts. */
export interface TlsSettings {
  /** Any certificate will do. */
  readonly insecure?: boolean;
  /** Further authorities, PEM. */
  readonly authorities?: readonly string[];
  /** What we show when we are asked who we are, PEM. */
  readonly client?: { readonly certificate: string; readonly key: string };
}

/** Milliseconds. */
const connectTimeout = 30_000;
/** Milliseconds without a byte, after which a connection counts as broken. */
const idleTimeout = 60_000;

// Connections are shared by everything in the process. Idle ones do not keep it alive.
const dispatchers = new Map<string, Dispatcher>();

/** The connection pool for a URL, with the proxy of the environment (`http_proxy`, `https_proxy`, `no_proxy`). */
export function dispatcherFor(url: URL, tls: TlsSettings): Dispatcher {
  const proxy = proxyOf(url);
  const key = JSON.stringify([url.protocol, proxy, tls]);
  const known = dispatchers.get(key);
  if (known) return known;
  const made = makeDispatcher(url, proxy, tls);
  dispatchers.set(key, made);
  return made;
}

function makeDispatcher(url: URL, proxy: string | undefined, tls: TlsSettings): Dispatcher {
  const secure = url.protocol === 'https:' ? tlsOptions(tls) : {};
  const options = {
    connect: { timeout: connectTimeout, ...secure },
    headersTimeout: idleTimeout,
    bodyTimeout: idleTimeout,
    // One connection for each transfer: blobs are few and large, and content networks limit single connections.
    allowH2: false,
  };
  if (proxy === undefined) return new Agent(options);
  return new EnvHttpProxyAgent({
    ...options,
    httpProxy: proxy,
    httpsProxy: proxy,
    requestTls: { timeout: connectTimeout, ...secure },
    // The proxy itself is checked by the system's rules, whatever the target's are.
    proxyTls: proxy.startsWith('https:') ? tlsOptions({}) : {},
  });
}

function proxyOf({ protocol }: URL): string | undefined {
  const name = protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const proxy = process.env[name] || process.env[name.toUpperCase()];
  if (!proxy) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function tlsOptions(tls: TlsSettings): { secureContext: SecureContext; rejectUnauthorized: boolean } {
  const { client, authorities = [], insecure = false } = tls;
  try {
    const secureContext = createSecureContext({
      ...(insecure ? {} : { ca: [...systemAuthorities(), ...authorities] }),
      ...(client ? { cert: client.certificate, key: client.key } : {}),
    });
    return { secureContext, rejectUnauthorized: !insecure };
  } catch (cause) {
    throw new AshlarError(`cannot use the TLS certificates: ${messageOf(cause)}`, { cause });
  }
}

let authoritiesOfSystem: readonly string[] | undefined;

/** Node's own list, `NODE_EXTRA_CA_CERTS`, and the system's; OpenSSL reads `SSL_CERT_FILE` and `SSL_CERT_DIR`. */
function systemAuthorities(): readonly string[] {
  authoritiesOfSystem ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return authoritiesOfSystem;
}
