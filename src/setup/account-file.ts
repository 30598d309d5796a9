/** Files of accounts: passwd(5), shadow(5), group(5), gshadow(5). Lines that are no records stay as they are. */

/** A line that is a record has fields, any other has not. */
interface Line {
  readonly text: string;
  readonly fields: readonly string[] | undefined;
}

export class AccountFile {
  readonly #width: number;
  readonly #lines: Line[];
  readonly #before: string;
  #changed = false;

  /** @param width How many fields a record has. */
  constructor(text: string, width: number) {
    this.#width = width;
    this.#before = text;
    const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
    this.#lines = text === '' ? [] : lines.map(line => this.#parse(line));
  }

  get records(): readonly (readonly string[])[] {
    return this.#lines.flatMap(({ fields }) => (fields ? [fields] : []));
  }

  find(name: string): readonly string[] | undefined {
    return this.records.find(([first]) => first === name);
  }

  /** Puts a record in place of the one of its name, else behind all others but what is looked up elsewhere (`+`). */
  put(fields: readonly string[]): void {
    const line = { text: fields.join(':'), fields };
    const there = this.#lines.findIndex(other => other.fields?.[0] === fields[0]);
    if (this.#lines[there]?.text === line.text) return;
    this.#changed = true;
    if (there >= 0) {
      this.#lines[there] = line;
      return;
    }
    const elsewhere = this.#lines.findIndex(({ text }) => /^[+-]/.test(text));
    this.#lines.splice(elsewhere < 0 ? this.#lines.length : elsewhere, 0, line);
  }

  /** As it was, unless a record has changed. */
  text(): string {
    if (!this.#changed) return this.#before;
    return this.#lines.map(({ text }) => `${text}\n`).join('');
  }

  #parse(text: string): Line {
    const fields = text.split(':');
    const isRecord = fields.length === this.#width && fields[0] !== '' && !/^[+#-]/.test(text);
    return { text, fields: isRecord ? fields : undefined };
  }
}
