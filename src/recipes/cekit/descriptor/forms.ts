/** What descriptors may look like, as data: how the vocabulary says it. */

/** What a value must be. */
export type Form =
  /** `str`: a string of YAML; `text`: a number will do, too. */
  | 'str'
  | 'text'
  | 'int'
  /** A number that a port can have. */
  | 'port'
  | 'bool'
  | 'any'
  /** Permission bits, a number, and `uid` or `uid:gid`. */
  | 'mode'
  | 'id'
  | 'owner'
  | 'names by architecture'
  | 'outputs'
  /** One of them, or what stands for one of them. */
  | { readonly words: readonly string[]; readonly aliases: Readonly<Record<string, string>> }
  | { readonly listOf: 'str' | 'text' | 'int' }
  /** A map that belongs to the section it stands in. */
  | { readonly keys: Keys }
  /** A map, or a list of maps, that is checked as a section of its own. */
  | { readonly section: Section }
  | { readonly items: Section }
  | { readonly artifacts: readonly ArtifactKind[] };

export interface Key {
  readonly form: Form;
  /** For people who write the file: editors show it. */
  readonly text: string;
  readonly required?: true;
}

export type Keys = Readonly<Record<string, Key>>;

/** A map with a name of its own in error messages. */
export interface Section {
  readonly name: string;
  readonly keys: Keys;
  /** Whether other keys are allowed. */
  readonly open?: true;
  /** Keys of which only one may be there. */
  readonly exclusive?: readonly Exclusion[];
}

export interface Exclusion {
  readonly keys: readonly string[];
  /** What is said of a map of this name. */
  readonly message: (name: string) => string;
}

/** A kind of artifact: it is what has this key, or one of them; the first kind of the list that fits. */
export interface ArtifactKind {
  readonly kind: 'image' | 'path' | 'pnc' | 'url' | 'git' | 'plain';
  readonly marks: readonly string[];
  readonly section: Section;
}
