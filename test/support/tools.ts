/** What tests need of the machine: programs, roots, users. */
import { findProgram } from '../../src/support/process.ts';

/** True when all programs are there. In CI they must be: a skipped test there would be a hole that nobody sees. */
export function has(...programs: readonly string[]): boolean {
  const missing = programs.filter(program => !findProgram(program));
  if (missing.length === 0) return true;
  if (process.env.CI) throw new Error(`CI lacks ${missing.join(', ')}`);
  console.warn(`skipped: ${missing.join(', ')} not installed`);
  return false;
}

export const isRoot = process.getuid?.() === 0;
