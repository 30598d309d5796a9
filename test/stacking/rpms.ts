/** Packages that are built for tests, and roots that rpm installs them in: with namespaces of their own for plain users. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot } from '../support/tools.ts';

export interface Recipe {
  readonly name: string;
  /** 1.0 where it is not said. */
  readonly version?: string;
  /** Lines of the preamble: `Requires: other`. */
  readonly preamble?: readonly string[];
  /** Besides /usr/share/<name>/<name>.txt: contents by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** A script of sh that runs after the installation. */
  readonly post?: string;
}

/** Builds packages for every architecture; returns their files, in the same order. */
export function buildRpms(directory: string, recipes: readonly Recipe[]): readonly string[] {
  mkdirSync(directory, { recursive: true });
  const specs = recipes.map(recipe => {
    const { name, version = '1.0' } = recipe;
    const spec = join(directory, `${name}-${version}.spec`);
    writeFileSync(spec, specOf(recipe));
    return spec;
  });
  const defines = [`_topdir ${directory}`, `_dbpath ${directory}/none`, 'source_date_epoch_from_changelog 0'];
  execFileSync('rpmbuild', ['-bb', ...define(...defines), ...specs], { stdio: ['ignore', 'pipe', 'pipe'] });
  return recipes.map(({ name, version = '1.0' }) =>
    join(directory, `RPMS/noarch/${name}-${version}-1.noarch.rpm`),
  );
}

function specOf({ name, version = '1.0', preamble = [], files = {}, post }: Recipe): string {
  const all = Object.entries({ [`/usr/share/${name}/${name}.txt`]: `${name} ${version}\n`, ...files });
  return [
    ...[`Name: ${name}`, `Version: ${version}`, 'Release: 1', `Summary: ${name}`, 'License: MIT'],
    ...['BuildArch: noarch', 'AutoReqProv: no', ...preamble, '%description', name, '%install'],
    ...all.flatMap(([path, content]) => [
      `mkdir -p "$(dirname %{buildroot}${path})"`,
      `printf %s '${content}' > %{buildroot}${path}`,
    ]),
    ...(post === undefined ? [] : ['%post', post]),
    ...['%files', ...all.map(([path]) => path)],
    '',
  ].join('\n');
}

function define(...macros: readonly string[]): readonly string[] {
  return macros.flatMap(macro => ['--define', macro]);
}

/** What rpm says about a root; throws when it fails. Everything that it installs belongs to root. */
export function rpm(root: string, ...args: readonly string[]): string {
  const macros = define('_db_backend sqlite', '_dbpath /var/lib/rpm');
  return asRoot('rpm', '--root', root, ...macros, ...args);
}

export function installRpms(root: string, packages: readonly string[], ...options: readonly string[]): void {
  mkdirSync(root, { recursive: true });
  rpm(root, '-U', '--force-debian', ...options, ...packages);
}

/** Names of all packages with their versions, sorted. */
export function installedIn(root: string): readonly string[] {
  return rpm(root, '-qa').split('\n').filter(Boolean).sort();
}

/** The output of a program that runs as root, of a namespace where the user is another one. */
export function asRoot(program: string, ...args: readonly string[]): string {
  const before = isRoot ? [] : ['unshare', '--user', '--map-auto', '--map-root-user'];
  const [first = program, ...rest] = [...before, program, ...args];
  return execFileSync(first, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
