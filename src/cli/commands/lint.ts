import { type Finding, lintStackerFiles } from '../../recipes/stacker/index.ts';
import { AshlarError, AshlarErrors, type SourceSpan } from '../../support/errors.ts';
import { renderError, renderWarning } from '../../support/excerpt.ts';
import { interruptible } from '../interruption.ts';
import { type Log, openLog } from '../log.ts';
import { type GlobalFlags, readSettings, type Settings } from '../settings.ts';
import { type Described, describedBy, type PlanFlags, stackerOptions } from './recipe.ts';

export interface LintFlags extends PlanFlags {
  readonly json?: true;
  readonly strict?: true;
}

/** What the readers of descriptors and descriptions warn of has one rule each. */
type AnyFinding = Omit<Finding, 'rule'> & { readonly rule: Finding['rule'] | 'descriptor' | 'description' };

/** Prints what is wrong in what describes images, or may not be meant. Ends with 1 for errors, with --strict for warnings too. */
export async function lint(globals: GlobalFlags, flags: LintFlags): Promise<void> {
  const log = openLog(globals, line => process.stderr.write(line));
  const settings = await readSettings(globals);
  const described = await describedBy(flags, log);
  const findings = await findingsIn(described, flags, settings, log);
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

function findingsIn(
  described: Described,
  flags: LintFlags,
  settings: Settings,
  log: Log,
): Promise<readonly AnyFinding[]> {
  switch (described.kind) {
    case 'stacker':
      return lintStackerFiles(stackerOptions(settings, { ...flags, stackerFile: described.files }, log));
    case 'cekit':
      return lintDescriptor(described.descriptor, flags, settings, log);
    case 'kiwi':
      return lintDescription(described.directory, flags);
  }
}

/** What is wrong with a KIWI description, and what of it is refused or does nothing in one of its types. */
async function lintDescription(directory: string, flags: LintFlags): Promise<readonly AnyFinding[]> {
  const [{ readDescriptions }, { refusalsOf }] = await Promise.all([
    import('../kiwi/description.ts'),
    import('../../recipes/kiwi/index.ts'),
  ]);
  try {
    const descriptions = await readDescriptions(directory, flags);
    const findings = descriptions.flatMap(description => [
      ...refusalsOf(description, 'from nothing').map(({ message, at, hint }) =>
        kiwiFinding(`cannot be built: ${message}`, at, hint),
      ),
      ...description.remarks.map(({ text, at }) => kiwiFinding(`without effect: ${text}`, at)),
    ]);
    // Most types have the same to say.
    return [...new Map(findings.map(finding => [JSON.stringify(finding), finding])).values()];
  } catch (error) {
    return errorFindings(error);
  }
}

function kiwiFinding(message: string, at: SourceSpan | undefined, hint?: string): AnyFinding {
  return {
    rule: 'description',
    severity: 'warning',
    message,
    ...(at && { at }),
    ...(hint !== undefined && { hint }),
  };
}

/** @throws the error where it is none of the user's. */
function errorFindings(error: unknown): readonly AnyFinding[] {
  if (!(error instanceof AshlarError)) throw error;
  const errors = error instanceof AshlarErrors ? error.errors : [error];
  return errors.map(({ message, at, hint }) => ({
    rule: 'error',
    severity: 'error',
    message,
    ...(at && { at }),
    ...(hint !== undefined && { hint }),
  }));
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
  const warn = (message: string, at: SourceSpan | undefined) =>
    findings.push({ rule: 'descriptor', severity: 'warning', message, ...(at && { at }) });
  using interruption = interruptible();
  try {
    const order = { descriptor, tags: [], flags, config: readCekitConfig({}), store };
    using loaded = await loadDescriptor(order, log, interruption.signal, warn);
    for (const remark of lintPlan(await planOf(loaded))) findings.push({ ...remark, severity: 'warning' });
  } catch (error) {
    findings.push(...errorFindings(error));
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
