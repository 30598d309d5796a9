/** Passwords in texts: what logs, plans and reports show has none. */

/** Who logs in where an address leads. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What stands before the host in an address of a server: tokens are names of users as well as passwords. */
const LOGIN = /(?<=\b(?:https?|ftp):\/\/)[^\s/?#"'<>]+(?=@)/gi;

/** Of XML. */
const PASSWORD = /(?<=\bpassword\s*=\s*)(?:"[^"]*"|'[^']*')/g;

/** The text with stars for the logins of addresses. */
export function withoutLogins(text: string): string {
  return text.replace(LOGIN, stars);
}

/** A line of a description with stars for its passwords; nothing in it moves. */
export function withoutPasswords(line: string): string {
  return withoutLogins(line).replace(
    PASSWORD,
    value => `${value.charAt(0)}${stars(value.slice(2))}${value.charAt(0)}`,
  );
}

function stars(text: string): string {
  return '*'.repeat(text.length);
}

/** An address, and the login that stands in it. */
export function splitLogin(address: string): { readonly url: string; readonly login?: Login } {
  const [, scheme, user = '', password = '', rest] =
    /^((?:https?|ftp):\/\/)([^\s/:@]*)(?::([^\s/]*))?@(.*)$/is.exec(address) ?? [];
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

/** For `JSON.stringify`: logins are left out, and texts and lines of descriptions have no passwords. */
export function publicValue(name: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'user' in value && 'password' in value) return undefined;
  if (typeof value !== 'string') return value;
  return name === 'lineText' ? withoutPasswords(value) : withoutLogins(value);
}
