/** What is said of a script that failed. */
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { findLine } from '../../support/excerpt.ts';
import { findFailingLine, type OutputTail } from './failing-line.ts';

export interface FailedCommand {
  /** The text before `: exit status <N>`. */
  readonly failure: string;
  readonly at: SourceSpan;
}

export interface FailedScript extends FailedCommand {
  readonly script: string;
  /** The text before `: execute failed: exit status <N>`. */
  readonly failure: string;
}

/** What a shell means by its status (POSIX 2.8.2); beyond 128 it is the signal that killed the process. */
const MEANINGS: Readonly<Record<number, string>> = {
  126: 'status 126: a program is there but cannot be executed (no permission, or made for another processor)',
  127: 'status 127: a command was not found: it is not in the image, or not in PATH',
  134: 'status 134: a program aborted itself (SIGABRT)',
  137: 'status 137: something was killed (SIGKILL), mostly because memory ran out: see dmesg',
  139: 'status 139: a program crashed (SIGSEGV)',
  143: 'status 143: something was told to end (SIGTERM)',
};

/** Characters at the end of an output that are about the failure. */
const LAST_WORDS = 2000;

/** What programs say that means more than a status does. */
const SIGNS: readonly { readonly sign: RegExp; readonly meaning: string }[] = [
  {
    sign: /exec format error/i,
    meaning: `a program in the image is not made for this machine (${process.arch}): choose a base for it with arch, or set up emulation (qemu-user and binfmt_misc)`,
  },
  {
    sign: /no space left on device/i,
    meaning: 'a disk is full: free some space, or put --store on another one',
  },
];

/** Lines of a file that may be between the lines of a script: comments, blank ones, marks of lists. */
const BETWEEN = 20;

/**
 * Points to the line that failed where the shell's trace tells it and it can be found in the user's file, else to the
 * whole script. @param advice What else the user can do.
 */
export function scriptFailure(
  { script, failure, at }: FailedScript,
  status: number,
  output: OutputTail,
  advice: string | undefined,
): AshlarError {
  const text = output.text();
  const failing = findFailingLine(script, text);
  const place = failing?.line && findLine(at, failing.line, script.split('\n').length + BETWEEN);
  return failureOf(`${failure}: execute failed`, status, place || at, text, [
    failing && !place ? `the last command was: ${failing.command}` : undefined,
    advice,
  ]);
}

/** Shells that trace tell the command that failed. @param advice What else the user can do. */
export function commandFailure(
  { failure, at }: FailedCommand,
  status: number,
  output: OutputTail,
  advice: string | undefined,
): AshlarError {
  const text = output.text();
  const failing = findFailingLine('', text);
  return failureOf(failure, status, at, text, [
    failing && `the last command was: ${failing.command}`,
    advice,
  ]);
}

function failureOf(
  failure: string,
  status: number,
  at: SourceSpan,
  output: string,
  [found, advice]: readonly [string | undefined, string | undefined],
): AshlarError {
  const hints = [
    found,
    SIGNS.find(({ sign }) => sign.test(output.slice(-LAST_WORDS)))?.meaning ?? MEANINGS[status],
    advice,
  ];
  return new AshlarError(`${failure}: exit status ${status}`, {
    at,
    hint: hints.filter(hint => hint !== undefined).join('; ') || undefined,
  });
}
