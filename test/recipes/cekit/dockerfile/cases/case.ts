import type { CekitOptions } from '../../../../../src/recipes/cekit/options.ts';

/** A descriptor and the Dockerfile that it is. */
export interface Case {
  /** Ends the sentence "prints …". */
  readonly name: string;
  /** By path; `image.yaml` is the descriptor. A text with `#!` at its beginning is executable. */
  readonly files: Readonly<Record<string, string>>;
  readonly flags?: CaseFlags;
  /** Without comments, blank lines and the indentation of CEKit. The version of ashlar is `0.0.0`. */
  readonly dockerfile: string;
  /** Whether an image can be built of it where `base:1` is any image with a shell: no package manager, no network. */
  readonly builds: boolean;
}

type CaseFlags = Partial<Pick<CekitOptions, 'overrides' | 'layers' | 'redhat' | 'literalValues'>> & {
  readonly osbs?: boolean;
};

/** The lines of a template literal without the indentation that all of them share. */
export function lines(text: string): string {
  const all = text.replace(/^\n/, '').trimEnd().split('\n');
  const indent = Math.min(...all.filter(line => line.trim() !== '').map(line => line.search(/\S/)));
  return all.map(line => `${line.slice(indent)}\n`).join('');
}
