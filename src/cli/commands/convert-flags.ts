import type { Override } from '../../recipes/cekit/index.ts';

/** The flags of `convert`, as commander gives them. */
export interface ConvertFlags {
  readonly dockerFile?: string;
  readonly descriptor?: string;
  readonly stackerFile?: string;
  readonly outputFile?: string;
  /** Written for a Dockerfile, read for a stacker file. */
  readonly substituteFile?: string;
  readonly substitute: readonly string[];
  readonly overrides?: readonly Override[];
  readonly buildArg: readonly string[];
}
