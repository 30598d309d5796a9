/** Which files of packages are not as their package has them. */
import { fromText, type ListedFile, toText, treeDirectories } from '../../layers/index.ts';
import { differenceOf, rpmFilesIn } from '../../stacking/index.ts';
import type { BuildContext } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import type { ImageTree } from '../images/tree-view.ts';
import type { LayerRecord } from '../values.ts';

interface PackageFile extends ListedFile {
  readonly configuration: boolean;
}

const INFO = '/var/lib/dpkg/info';

/** Lines as `rpm --verify` and `dpkg --verify` write them, each manager's sorted by path. */
export async function verifyPackages(
  layers: readonly LayerRecord[],
  tree: ImageTree,
  context: BuildContext,
): Promise<readonly string[]> {
  return [...(await verifyRpms(tree)), ...(await verifyDebs(layers, tree, context))];
}

async function verifyRpms(tree: ImageTree): Promise<readonly string[]> {
  const files = [...(await rpmFilesIn(tree))].sort((a, b) => (a.path < b.path ? -1 : 1));
  if (files.length === 0) return [];
  const { links } = treeDirectories(tree.merged);
  const lines = files.map(file => differenceOf(file, tree.entry(behindLinks(file.path, links))));
  return [...new Set(lines)].filter(line => line !== undefined);
}

/** A path with its parents where links of the tree lead. */
function behindLinks(path: string, links: ReadonlyMap<string, string>): string {
  const names = path.split('/').slice(1);
  const last = names.pop() ?? '';
  const parent = names.reduce((above, name) => {
    const directory = above === '' ? fromText(name) : `${above}/${fromText(name)}`;
    return links.get(directory) ?? directory;
  }, '');
  return `/${parent === '' ? last : `${toText(parent)}/${last}`}`;
}

async function verifyDebs(
  layers: readonly LayerRecord[],
  tree: ImageTree,
  context: BuildContext,
): Promise<readonly string[]> {
  const files = [...(await filesOfPackages(tree)), ...(await configurationFiles(tree))];
  if (files.length === 0) return [];
  const listed = { layers: await treeLayers(layers, context), files };
  const differing = await context.workshop.call('compare', listed, { signal: context.signal });
  const configuration = new Set(files.filter(file => file.configuration).map(({ path }) => path));
  return differing
    .map(({ path, missing }) => {
      const mark = configuration.has(path) ? 'c' : ' ';
      return { path, line: `${missing ? 'missing  ' : '??5??????'} ${mark} ${path}` };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ line }) => line);
}

async function filesOfPackages(tree: ImageTree): Promise<readonly PackageFile[]> {
  const lists = tree.list(INFO).filter(name => name.endsWith('.md5sums'));
  const texts = await Promise.all(lists.map(name => textAt(tree, `${INFO}/${name}`)));
  return texts
    .flatMap(text => text.split('\n'))
    .flatMap(line => {
      const [, md5, path] = /^([0-9a-f]{32}) [ *](.+)$/.exec(line) ?? [];
      return md5 === undefined || path === undefined ? [] : [{ path: `/${path}`, md5, configuration: false }];
    });
}

/** Of the status file; those that became obsolete are not looked at. */
async function configurationFiles(tree: ImageTree): Promise<readonly PackageFile[]> {
  const text = await textAt(tree, '/var/lib/dpkg/status');
  return text.split('\n').flatMap(line => {
    const [, path, md5] = /^ (\/.+) ([0-9a-f]{32})$/.exec(line) ?? [];
    return md5 === undefined || path === undefined ? [] : [{ path, md5, configuration: true }];
  });
}

async function textAt(tree: ImageTree, path: string): Promise<string> {
  return Buffer.from((await tree.read(path))?.content ?? []).toString();
}
