/** What `ashlar lock` has found out about a descriptor, and `build --locked` holds to. */
export interface Lock {
  /** `sha256:...` of the manifest (or index) of each base and image artifact, by its reference. */
  readonly images: Readonly<Record<string, string>>;
  /** Commits of module repositories, by `url#ref`. */
  readonly repositories: Readonly<Record<string, string>>;
  /** SHA-256 of artifacts that are fetched, by URL. */
  readonly artifacts: Readonly<Record<string, string>>;
  /** Versions of the packages that are installed, by stage and package. */
  readonly packages: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
