/** Packages of pacman that are built for tests, and their repository (alpm-repo-db). */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Recipe {
  readonly name: string;
  readonly depends?: readonly string[];
}

/** Builds packages with one file each, /usr/share/<name>/<name>.txt, into `directory`: the repository `name`. */
export function buildPacmanRepository(directory: string, name: string, recipes: readonly Recipe[]): void {
  const database = join(directory, 'database');
  for (const { name: pkg, depends = [] } of recipes) {
    const root = join(directory, 'build', pkg);
    mkdirSync(join(root, 'usr/share', pkg), { recursive: true });
    writeFileSync(join(root, 'usr/share', pkg, `${pkg}.txt`), `${pkg}\n`);
    const info = {
      ...{ pkgname: [pkg], pkgver: ['1.0-1'], pkgdesc: [pkg], builddate: ['1600000000'] },
      ...{ size: ['10'], arch: ['any'], depend: depends },
    };
    const lines = Object.entries(info).flatMap(([key, values]) => values.map(value => `${key} = ${value}\n`));
    writeFileSync(join(root, '.PKGINFO'), lines.join(''));
    const file = `${pkg}-1.0-1-any.pkg.tar.gz`;
    pack(join(directory, file), root, '.PKGINFO', 'usr');
    const content = readFileSync(join(directory, file));
    const entry = {
      ...{ FILENAME: [file], NAME: [pkg], VERSION: ['1.0-1'], DESC: [pkg], CSIZE: [String(content.length)] },
      ...{ ISIZE: ['10'], SHA256SUM: [createHash('sha256').update(content).digest('hex')], ARCH: ['any'] },
      ...{ BUILDDATE: ['1600000000'], DEPENDS: depends },
    };
    mkdirSync(join(database, `${pkg}-1.0-1`), { recursive: true });
    const sections = Object.entries(entry).filter(([, values]) => values.length > 0);
    const text = sections.map(([key, values]) => `%${key}%\n${values.join('\n')}\n\n`).join('');
    writeFileSync(join(database, `${pkg}-1.0-1`, 'desc'), text);
  }
  pack(join(directory, `${name}.db`), database, ...recipes.map(recipe => `${recipe.name}-1.0-1`));
}

function pack(file: string, directory: string, ...names: readonly string[]): void {
  const fixed = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@1600000000'];
  execFileSync('tar', ['-C', directory, ...fixed, '-czf', file, ...names]);
}
