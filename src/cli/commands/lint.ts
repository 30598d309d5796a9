import { type Finding, lintStackerFiles } from '../../recipes/stacker/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { renderError, renderWarning } from '../../support/excerpt.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';
import { type PlanFlags, stackerOptions } from './recipe.ts';

export interface LintFlags extends PlanFlags {
  readonly json?: true;
  readonly strict?: true;
}

/** Prints what is wrong in stacker files or may not be meant. Ends with 1 for errors, with --strict for warnings too. */
export async function lint(globals: GlobalFlags, flags: LintFlags): Promise<void> {
  const log = openLog(globals, line => process.stderr.write(line));
  const findings = await lintStackerFiles(stackerOptions(await readSettings(globals), flags, log));
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  } else {
    const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
    const blocks = findings.map(finding => `${render(finding, color)}\n\n`);
    process.stdout.write(
      `${blocks.join('')}${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}\n`,
    );
  }
  if (errors > 0 || (flags.strict && findings.length > 0)) process.exitCode = 1;
}

function render({ rule, severity, message, at, hint }: Finding, color: boolean): string {
  if (severity === 'error') return renderError(new AshlarError(message, { at, hint }), { color });
  return renderWarning({ message: `${message} [${rule}]`, at, hint }, { color });
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
