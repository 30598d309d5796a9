/** What tests of KIWI descriptions take from the checkout: its scripts, and repositories of packages. */
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** A file of the checkout. */
export function ownPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** What a script of the checkout prints. */
export function printedBy(script: string, ...args: readonly string[]): string {
  const env = { ...process.env, HOME: homedir() };
  return execFileSync(ownPath(`scripts/${script}`), args, { encoding: 'utf8', env }).trim();
}

/** Replaces the repository of a description by a directory. */
export function repositoryOf(directory: string): readonly string[] {
  return ['--', '--set-repo', `dir://${directory},apt-deb,local,,,,,,,false`];
}
