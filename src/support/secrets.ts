/** Passwords in texts: what logs, plans and reports show has none. */

/** Who logs in where an address leads. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

const SERVER = '(?:https?|ftp)://';

/**
 * What stands before the host in an address of a server: tokens are names of users as well as passwords. People write
 * passwords as they are, with any character but a slash; digits at the end of a host are its port.
 */
const LOGIN = String.raw`([^\s/?#:]*)(?::(?!\d+[?#])([^\s/]*))?`;

const LOGINS = new RegExp(String.raw`(?<=\b${SERVER})${LOGIN}(?=@)`, 'gi');
const ADDRESS = new RegExp(`^(${SERVER})${LOGIN}@(.*)$`, 'is');

/** Of XML. A value may go on in the next lines. */
const PASSWORD = /(?<=\b(?:password|luks)\s*=\s*)(["'])(.*?)(\1|$)/gs;

/** The text with stars for the logins of addresses. */
export function withoutLogins(text: string): string {
  return text.replace(LOGINS, stars);
}

/** A description, whole, with stars for its passwords; nothing in it moves. */
export function withoutPasswords(text: string): string {
  return withoutLogins(text).replace(
    PASSWORD,
    (_, begin: string, value: string, end: string) => begin + stars(value) + end,
  );
}

function stars(text: string): string {
  return text.replaceAll(/[^\r\n]/g, '*');
}

/** An address, and the login that stands in it. */
export function splitLogin(address: string): { readonly url: string; readonly login?: Login } {
  const [, scheme, user = '', password = '', rest] = ADDRESS.exec(address) ?? [];
  if (scheme === undefined || rest === undefined) return { url: address };
  return { url: `${scheme}${rest}`, login: { user: decoded(user), password: decoded(password) } };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Bytes that come piece by piece, with stars for all that secrets cover. Where a secret may begin that goes on in what
 * follows, nothing is shown until that is known.
 */
export class Censor {
  readonly #secrets: readonly string[];
  #waiting = '';
  /** Bytes of what waits that a secret covers which began before. */
  #covered = 0;

  constructor(secrets: readonly string[]) {
    const all = new Set(secrets.flatMap(secret => [secret, encodeURIComponent(secret)]));
    const bytes = [...all].filter(Boolean).map(text => Buffer.from(text).toString('latin1'));
    // The longest first: one may be the beginning of another.
    this.#secrets = bytes.toSorted((a, b) => b.length - a.length);
  }

  /** What of the bytes so far can be shown now. */
  pass(bytes: Uint8Array): Uint8Array {
    const text = this.#waiting + Buffer.from(bytes).toString('latin1');
    return this.#show(text, this.#startOfSecret(text));
  }

  /** What has waited. */
  end(): Uint8Array {
    return this.#show(this.#waiting, this.#waiting.length);
  }

  /** Shows the text up to `end`; the rest waits. */
  #show(text: string, end: number): Uint8Array {
    const shown = Buffer.from(text.slice(0, end), 'latin1');
    let covered = this.#covered;
    for (let at = 0; at < end; at += 1) {
      const length = this.#secrets.find(secret => text.startsWith(secret, at))?.length ?? 0;
      covered = Math.max(covered, at + length);
      if (at < covered) shown.write('*', at);
    }
    this.#covered = Math.max(0, covered - end);
    this.#waiting = text.slice(end);
    return shown;
  }

  /** Where a secret begins that goes on behind the end; the end where none does. */
  #startOfSecret(text: string): number {
    const longest = this.#secrets[0]?.length ?? 0;
    for (let at = Math.max(0, text.length - longest + 1); at < text.length; at += 1)
      if (this.#secrets.some(secret => secret.startsWith(text.slice(at)))) return at;
    return text.length;
  }
}

/** What stands in plans for what they do not show. */
const HIDDEN = '(hidden)';

/**
 * For `JSON.stringify`: logins are left out; passwords of users, hashed ones too, and texts of files, which may hold
 * some, are said to be hidden; other texts and lines of descriptions have no passwords.
 */
export function publicValue(name: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    if ('user' in value && 'password' in value) return undefined;
    return 'kind' in value && value.kind === 'file' && 'text' in value ? { ...value, text: HIDDEN } : value;
  }
  if (typeof value !== 'string') return value;
  if (name === 'password') return HIDDEN;
  return name === 'lineText' ? withoutPasswords(value) : withoutLogins(value);
}
