/** One thing about this machine that was looked at. */
export interface Finding {
  readonly subject: string;
  readonly state: 'ok' | 'degraded' | 'missing';
  readonly detail: string;
  readonly cure?: string;
  /** Whether builds that run something cannot work when it is missing. */
  readonly required: boolean;
}
