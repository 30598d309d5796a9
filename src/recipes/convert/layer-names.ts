/** What layers are called: as the images, where stacker files allow it, and each in its own way. */
export class LayerNames {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** The layer of an image. */
  of(image: string): string {
    return this.#names.get(image) ?? this.add(image);
  }

  add(image: string): string {
    const name = this.unique(image);
    this.#names.set(image, name);
    return name;
  }

  /** A name that no layer has yet. */
  unique(wanted: string): string {
    const name = wanted
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[.-]+/, '')
      .slice(0, 100);
    for (let n = 1; ; n++) {
      const candidate = `${name || 'image'}${n === 1 ? '' : `-${n}`}`;
      if (this.#taken.has(candidate) || candidate === 'config') continue;
      this.#taken.add(candidate);
      return candidate;
    }
  }
}
