/** What a machine says on its serial line, and what it tells of how far it has come. */

/** The signs that firmware, loader, kernel and system give, in their order. */
const MILESTONES = [
  { name: 'firmware', pattern: /BdsDxe: loading|SeaBIOS|Booting from Hard Disk/ },
  { name: 'loader', pattern: /Welcome to GRUB|BdsDxe: starting|systemd-boot|EFI stub:/ },
  {
    name: 'kernel',
    pattern: /Linux version \d|Decompressing Linux|EFI stub: Loaded initrd|EFI stub: UEFI Secure Boot/,
  },
  { name: 'init', pattern: /systemd\[1\]|Welcome to (?!GRUB).{1,80}!|OpenRC/ },
  { name: 'login', pattern: /(?:^|\s)login: ?$/m },
] as const;

export type MilestoneName = (typeof MILESTONES)[number]['name'];

export interface Milestone {
  readonly name: MilestoneName;
  /** Since the machine was started. */
  readonly seconds: number;
}

/** Longer lines are no text for people. */
const LONGEST_LINE = 4096;
const KEPT_LINES = 400;

/** Collects output in whole lines. Not more than the last few hundred are kept. */
export class Console {
  readonly milestones: Milestone[] = [];
  readonly #lines: string[] = [];
  readonly #expected: string | undefined;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #escape = '';
  #line = '';
  #found = false;

  constructor(expected: string | undefined, onLine: (line: string) => void = () => {}) {
    this.#expected = expected;
    this.#onLine = onLine;
  }

  /** Whether the expected text has appeared, be it in a line that has not ended. */
  get found(): boolean {
    return this.#found;
  }

  /** The last lines that say something. */
  last(count: number): readonly string[] {
    return [...this.#lines, this.#line].filter(line => /[\p{L}\p{N}]/u.test(line)).slice(-count);
  }

  /** Takes what the machine has said; `seconds` since it was started. */
  take(bytes: Uint8Array, seconds: number): void {
    const text = this.#escape + this.#decoder.decode(bytes, { stream: true });
    const [plain, rest] = withoutEscapes(text);
    this.#escape = rest;
    for (const piece of plain.split(/(?<=\n)/)) {
      this.#line = (this.#line + piece).slice(0, LONGEST_LINE);
      this.#look(seconds);
      if (piece.endsWith('\n')) this.#endLine();
    }
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#line !== '') this.#endLine();
  }

  #look(seconds: number): void {
    if (this.#expected !== undefined && this.#line.includes(this.#expected)) this.#found = true;
    for (const { name, pattern } of MILESTONES) {
      if (this.milestones.some(known => known.name === name) || !pattern.test(this.#line)) continue;
      this.milestones.push({ name, seconds });
    }
  }

  #endLine(): void {
    const line = this.#line.trimEnd();
    this.#line = '';
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#onLine(line);
  }
}

/**
 * The text without what moves cursors and colors letters, and a rest that may be the beginning of such a sequence
 * (ECMA-48).
 */
export function withoutEscapes(text: string): readonly [plain: string, rest: string] {
  const begun = /\x1b(?:\[[0-9;?]{0,32}|\][^\x07\x1b]{0,256}|[()#])?$/.exec(text);
  const whole = begun ? text.slice(0, begun.index) : text;
  const plain = whole
    // A cursor that is set elsewhere ends what was written there.
    .replace(/\x1b\[[0-9;]*[Hf]/g, '\n')
    .replace(
      /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()#][0-9A-Z]|\x1b[ -/]*[0-~]/g,
      '',
    )
    // Frames around menus are in an encoding of their own.
    .replace(/[^\n\x20-\u{10ffff}\t]|[\x7f-\x9f\ufffd]/gu, '');
  return [plain, begun?.[0] ?? ''];
}
