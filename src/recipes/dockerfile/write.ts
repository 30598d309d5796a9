import { Document, isScalar, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import type { HostDirectory, Layer, Pair } from './layer.ts';
import { concat, isLiteral, literal, plain, type Text } from './text.ts';

export interface WriteOptions {
  /** Matches a dollar that the substitution of stacker files would take for its own. */
  readonly placeholders: RegExp;
  /** Arguments with several defaults, which each placeholder has to name. */
  readonly ambiguous: ReadonlySet<string>;
  /** Lines of the comment at the top. */
  readonly comments: readonly string[];
}

/** Stands in strings for a dollar that is to be written as an escape; in no text of people. */
const hidden = '\u{f8ff}';

/** The text of a stacker file. It is YAML 1.1, so that `on` and `012` are quoted where they are strings. */
export function writeStackerFile(layers: readonly Layer[], options: WriteOptions): string {
  const writer = new LayerWriter(options);
  const top = new YAMLMap<Scalar, YAMLMap>();
  for (const [i, layer] of layers.entries()) {
    const key = new Scalar(plainWithPlaceholders(layer.name, options));
    const comments = layer.comments.map(line => ` ${harmless(line)}`).join('\n');
    if (comments !== '') key.commentBefore = comments;
    key.spaceBefore = i > 0;
    top.set(key, writer.layer(layer));
  }
  const document = new Document(top, { version: '1.1' });
  const text = document.toString({ lineWidth: 0, directives: false });
  const header = options.comments.map(line => `# ${harmless(line)}\n`).join('');
  return `${header}\n${text.replaceAll(hidden, '\\x24')}`;
}

/** The text of a substitute file: a map of strings. */
export function writeSubstitutes(
  entries: readonly (readonly [key: string, value: string])[],
  comment: string,
): string {
  const map = new YAMLMap<string, string>();
  for (const [key, value] of entries) map.set(key, value);
  const document = new Document(map, { version: '1.1' });
  const text = document.toString({ lineWidth: 0, directives: false });
  return `# ${comment}\n${text}`;
}

/** Comments are substituted in, too. */
const harmless = (comment: string): string => comment.replace(/\$(?=\{\{)/g, '$ ').replaceAll(/\s/g, ' ');

function plainWithPlaceholders(text: Text, { ambiguous }: WriteOptions): string {
  return text
    .map(piece => {
      if (typeof piece === 'string') return piece;
      const { name, fallback } = piece;
      if (!ambiguous.has(name)) return `\${{${name}}}`;
      // A default cannot hold what ends it.
      return fallback.includes('}') ? fallback : `\${{${name}:${fallback}}}`;
    })
    .join('');
}

class LayerWriter {
  readonly #options: WriteOptions;

  constructor(options: WriteOptions) {
    this.#options = options;
  }

  layer(layer: Layer): YAMLMap {
    const { from, platform, buildOnly, overlayDirs, imports, binds, buildEnv, run, config } = layer;
    const map = new YAMLMap();
    const add = (name: string, value: unknown, given: boolean) => {
      if (given) map.set(name, value);
    };
    const list = <T>(items: readonly T[], write: (item: T) => unknown) => {
      const sequence = new YAMLSeq();
      for (const item of items) sequence.add(write(item));
      return sequence;
    };
    const path = (value: Text) => this.#text(value, 'plain');
    const text = (value: Text) => this.#text(value);
    const words = (values: readonly string[] = []) => list(values, value => this.#text(literal(value)));

    add('build_only', true, buildOnly);
    add('from', this.#from(from), true);
    for (const [name, value] of Object.entries(platform)) add(name, value, true);
    add(
      'overlay_dirs',
      list(overlayDirs, ({ source, dest }) =>
        this.#map([
          ['source', path(source)],
          ['dest', path(dest)],
        ]),
      ),
      overlayDirs.length > 0,
    );
    add(
      'imports',
      list(imports, ({ path: from, dest, hash, mode, uid, gid }) =>
        this.#map([
          ['path', path(from)],
          ['dest', dest && path(dest)],
          ['hash', hash],
          ['mode', mode === undefined ? undefined : octal(mode)],
          ['uid', uid],
          ['gid', gid],
        ]),
      ),
      imports.length > 0,
    );
    add(
      'binds',
      list(binds, bind => this.#bind(bind)),
      binds.length > 0,
    );
    add('build_env', this.#pairs(buildEnv), buildEnv.length > 0);
    add('run', this.#run(run), run.length > 0);
    const { environment = [], labels = [], annotations = [], volumes = [], workingDir, user } = config;
    add('environment', this.#pairs(environment), environment.length > 0);
    add('labels', this.#pairs(labels), labels.length > 0);
    add('annotations', this.#pairs(annotations), annotations.length > 0);
    add('volumes', list(volumes, path), volumes.length > 0);
    add('working_dir', workingDir && text(workingDir), workingDir !== undefined);
    add('runtime_user', user && text(user), user !== undefined);
    add('entrypoint', words(config.entrypoint), config.entrypoint !== undefined);
    add('cmd', words(config.cmd), config.cmd !== undefined);
    return map;
  }

  #bind({ source, dest }: HostDirectory): Scalar | YAMLMap {
    if (!/\s/.test(plain(dest))) return this.#text(concat(source, [' -> '], dest), 'plain');
    return this.#map([
      ['source', this.#text(source, 'plain')],
      ['dest', this.#text(dest, 'plain')],
    ]);
  }

  #from(from: Layer['from']): YAMLMap {
    switch (from.type) {
      case 'scratch':
        return this.#map([['type', 'scratch']]);
      case 'built':
        return this.#map([
          ['type', 'built'],
          ['tag', this.#text(from.tag, 'plain')],
        ]);
      default:
        return this.#map([
          ['type', from.type],
          ['url', this.#text(from.url, 'plain')],
          ['insecure', from.type === 'docker' && from.insecure ? true : undefined],
        ]);
    }
  }

  #pairs(pairs: readonly Pair[]): YAMLMap {
    return this.#map(pairs.map(([name, value]) => [name, this.#text(value)]));
  }

  #map(entries: readonly (readonly [string, unknown])[]): YAMLMap {
    const map = new YAMLMap();
    for (const [name, value] of entries) {
      if (value !== undefined) map.set(isScalar(name) ? name : this.#text(literal(name)), value);
    }
    return map;
  }

  /** A string whose literal parts stay what they are through substitution and parsing. */
  #text(text: Text, style: 'plain' | 'block' = 'block'): Scalar {
    const { placeholders } = this.#options;
    const hiding = text.map(piece =>
      typeof piece === 'string' ? piece.replace(placeholders, hidden) : piece,
    );
    const scalar = new Scalar(plainWithPlaceholders(hiding, this.#options));
    if (plain(hiding).includes(hidden)) scalar.type = Scalar.QUOTE_DOUBLE;
    // In a block no character of a value that comes later has a meaning, and 1.10 is text.
    else if (!isLiteral(text) && style === 'block') scalar.type = Scalar.BLOCK_LITERAL;
    // Spaces at ends of lines would not all come through a block.
    else if (/^\s|\s\n|\s$/.test(plain(hiding))) scalar.type = Scalar.QUOTE_DOUBLE;
    return scalar;
  }

  #run(lines: readonly Text[]): Scalar {
    const text = concat(...lines.flatMap(line => [line, ['\n']]));
    const scalar = new Scalar(plainWithPlaceholders(text, this.#options));
    scalar.type = Scalar.BLOCK_LITERAL;
    return scalar;
  }
}

function octal(value: number): Scalar {
  const scalar = new Scalar(value);
  scalar.format = 'OCT';
  return scalar;
}
