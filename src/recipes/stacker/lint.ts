import { AshlarError, messageOf, type SourceSpan } from '../../support/errors.ts';
import type { StackerFile } from './file.ts';
import { readFiles } from './files.ts';
import { readLayer } from './layer.ts';
import { type LintRule, rules } from './lint-rules.ts';
import { planOf } from './load.ts';
import type { StackerOptions, WarningKind } from './options.ts';
import { readSubstitutions } from './substitute.ts';

/** Something in a stacker file that is wrong, or that its author may not have meant. */
export interface Finding {
  /** What it is about; a comment `# ashlar-lint: disable=<rule>` in its line or the one above silences a warning. */
  readonly rule: LintRule | WarningKind | 'error';
  /** Nothing can be built from files with errors. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly at?: SourceSpan;
  readonly hint?: string;
}

/**
 * Everything there is to say about stacker files, in the order of their text. Never throws what is about the files:
 * that is among the findings, and of several layers the errors of all.
 */
export async function lintStackerFiles(options: StackerOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const reading: StackerOptions = {
    ...options,
    warn: (message, at, kind) => {
      const severity = kind === 'unresolved' || kind === 'placeholder' ? 'error' : 'warning';
      findings.push({ rule: kind, severity, message, ...(at && { at }) });
    },
  };
  const files = await readFiles(reading).catch((error: unknown) => {
    findings.push(asFinding(error));
    return [];
  });
  findings.push(...(await lintFiles(files, reading)));
  return sorted(
    distinct(findings).filter(finding => !isSilenced(finding, files)),
    files,
  );
}

async function lintFiles(files: readonly StackerFile[], options: StackerOptions): Promise<Finding[]> {
  const errors = files.flatMap(file =>
    file.layers.flatMap(layer => {
      try {
        readLayer(layer, file, {}, options);
        return [];
      } catch (error) {
        return [asFinding(error)];
      }
    }),
  );
  if (errors.length > 0) return errors;
  try {
    const { plan } = planOf(files, new Map(), options);
    const subject = { files, images: plan.images, substitutions: await readSubstitutions(options), options };
    return rules.flatMap(([rule, check]) =>
      [...check(subject)].map(remark => ({ rule, severity: 'warning' as const, ...remark })),
    );
  } catch (error) {
    return [asFinding(error)];
  }
}

function asFinding(error: unknown): Finding {
  if (!(error instanceof AshlarError)) throw error;
  const { message, at, hint, cause } = error;
  const cure = hint ?? (cause instanceof AshlarError ? cause.hint : undefined);
  return {
    rule: 'error',
    severity: 'error',
    message: cause === undefined ? message : `${message}: ${messageOf(cause)}`,
    ...(at && { at }),
    ...(cure && { hint: cure }),
  };
}

/** A layer is read twice, and a prerequisite may be named twice. */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map(finding => [JSON.stringify(finding), finding])).values()];
}

function isSilenced({ rule, severity, at }: Finding, files: readonly StackerFile[]): boolean {
  const file = files.find(({ path }) => path === at?.file);
  if (severity === 'error' || at === undefined || file === undefined) return false;
  const lines = file.source.original.split('\n').slice(Math.max(0, at.line - 2), at.line);
  return lines.some(line => {
    const names = /#\s*ashlar-lint:\s*disable=([\w,-]+)/.exec(line)?.[1] ?? '';
    return names.split(',').includes(rule);
  });
}

function sorted(findings: readonly Finding[], files: readonly StackerFile[]): Finding[] {
  const place = ({ at }: Finding): readonly number[] => [
    files.findIndex(({ path }) => path === at?.file),
    at?.line ?? 0,
    at?.column ?? 0,
  ];
  return findings.toSorted((a, b) => {
    const [x, y] = [place(a), place(b)];
    return x.map((n, i) => n - (y[i] ?? 0)).find(difference => difference !== 0) ?? 0;
  });
}
