/** What the table of elements and attributes is made of. */

export type ValueForm =
  /** One line of text. */
  | 'text'
  /** Any text. */
  | 'lines'
  | 'boolean'
  | 'integer'
  /** A comma list of names that profiles have. */
  | 'profiles'
  /** A comma list of machines. */
  | 'architectures'
  | { readonly words: readonly string[] }
  | { readonly pattern: RegExp; readonly like: string };

/** What becomes of something that is understood, where it is not simply done. */
export interface Outcome {
  /**
   * `ignored`: it has no effect, or only one that needs no words of a plan. `refused`: it can be read and shown, but
   * nothing can be built with it.
   */
  readonly kind: 'ignored' | 'refused';
  /** Why. */
  readonly text: string;
  /** Of an attribute that is true or false: for which of them; `true` when not given. */
  readonly value?: boolean;
}

export interface AttributeRule {
  readonly form: ValueForm;
  /** One sentence for people. */
  readonly text: string;
  readonly required?: true;
  /** The image types that it is for; all when not given. */
  readonly images?: readonly string[];
  readonly outcome?: Outcome;
}

export type Attributes = Readonly<Record<string, AttributeRule>>;

/** How often a child may stand: as in a regular expression. */
export type Multiplicity = '1' | '?' | '*' | '+';

export interface ElementRule {
  /** One sentence for people. */
  readonly text: string;
  readonly attributes?: Attributes;
  readonly children?: Children;
  /** What stands in it, where it is no element. */
  readonly content?: ValueForm;
  /** Whatever stands in it is somebody else's. */
  readonly open?: true;
  readonly outcome?: Outcome;
}

export type Children = Readonly<Record<string, readonly [Multiplicity, ElementRule]>>;

export const ignored = (text: string, value?: boolean): Outcome => ({
  kind: 'ignored',
  text,
  ...(value !== undefined && { value }),
});
export const refused = (text: string): Outcome => ({ kind: 'refused', text });
