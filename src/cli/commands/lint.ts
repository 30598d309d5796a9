import { type Finding, lintStackerFiles } from '../../recipes/stacker/index.ts';
import { AshlarError, AshlarErrors, type SourceSpan } from '../../support/errors.ts';
import { renderError, renderWarning } from '../../support/excerpt.ts';
import { interruptible } from '../interruption.ts';
import { type Log, openLog } from '../log.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { describedBy, type PlanFlags, stackerOptions } from './recipe.ts';

export interface LintFlags extends PlanFlags {
  readonly json?: true;
  readonly strict?: true;
}

/** What the reader of a descriptor warns of has one rule. */
type AnyFinding = Omit<Finding, 'rule'> & { readonly rule: Finding['rule'] | 'descriptor' };

/** Prints what is wrong in stacker files or a descriptor, or may not be meant. Ends with 1 for errors, with --strict for warnings too. */
export async function lint(globals: GlobalFlags, flags: LintFlags): Promise<void> {
  const log = openLog(globals, line => process.stderr.write(line));
  const settings = await readSettings(globals);
  const described = await describedBy(flags, log);
  const findings =
    described.kind === 'stacker'
      ? await lintStackerFiles(stackerOptions(settings, { ...flags, stackerFile: described.files }, log))
      : await lintDescriptor(described.descriptor, flags, settings, log);
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

/** What reading a descriptor, and planning what it describes, complains about. */
async function lintDescriptor(
  descriptor: string,
  flags: LintFlags,
  { store }: Settings,
  log: Log,
): Promise<readonly AnyFinding[]> {
  const [{ loadDescriptor, planOf }, { readCekitConfig }, { lintPlan }] = await Promise.all([
    import('../cekit/load.ts'),
    import('../cekit/config.ts'),
    import('../../recipes/cekit/index.ts'),
  ]);
  const findings: AnyFinding[] = [];
  const report = (
    severity: AnyFinding['severity'],
    message: string,
    at: SourceSpan | undefined,
    hint?: string,
  ) =>
    findings.push({
      rule: severity === 'error' ? severity : 'descriptor',
      severity,
      message,
      ...(at && { at }),
      ...(hint !== undefined && { hint }),
    });
  using interruption = interruptible();
  try {
    const order = { descriptor, tags: [], flags, config: readCekitConfig({}), store };
    const warn = (message: string, at: SourceSpan | undefined) => report('warning', message, at);
    using loaded = await loadDescriptor(order, log, interruption.signal, warn);
    for (const remark of lintPlan(await planOf(loaded))) findings.push({ ...remark, severity: 'warning' });
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const errors = error instanceof AshlarErrors ? error.errors : [error];
    for (const { message, at, hint } of errors) report('error', message, at, hint);
  }
  return findings;
}

function render({ rule, severity, message, at, hint }: AnyFinding, color: boolean): string {
  if (severity === 'error') return renderError(new AshlarError(message, { at, hint }), { color });
  return renderWarning({ message: `${message} [${rule}]`, at, hint }, { color });
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
