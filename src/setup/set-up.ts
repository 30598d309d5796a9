import { changeOwner, makeDirectory, makeLink, remove, writeFile } from './files.ts';
import { clearMachineId, setHostname, setKeytable, setLocale, setTimezone } from './identity.ts';
import { SetupTree } from './tree.ts';
import type { SetupChange, SetupOptions } from './types.ts';
import { setUpGroups, setUpUsers } from './users.ts';

/**
 * Changes the tree in the directory `root`, one change after the other. What is as it would be is not touched.
 * @throws AshlarError for changes that the tree does not allow: an id of somebody else, an unknown time zone.
 */
export function setUpTree(root: string, changes: readonly SetupChange[], options: SetupOptions): void {
  using tree = new SetupTree(root, options);
  for (const change of changes) apply(tree, change);
}

function apply(tree: SetupTree, change: SetupChange): void {
  switch (change.kind) {
    case 'file':
      writeFile(tree, change);
      break;
    case 'directory':
      makeDirectory(tree, change);
      break;
    case 'link':
      makeLink(tree, change);
      break;
    case 'remove':
      remove(tree, change.path);
      break;
    case 'owner':
      changeOwner(tree, change);
      break;
    case 'groups':
      setUpGroups(tree, change.groups);
      break;
    case 'users':
      setUpUsers(tree, change.users);
      break;
    case 'locale':
      setLocale(tree, change);
      break;
    case 'keytable':
      setKeytable(tree, change);
      break;
    case 'timezone':
      setTimezone(tree, change);
      break;
    case 'hostname':
      setHostname(tree, change);
      break;
    case 'machine-id':
      clearMachineId(tree);
      break;
  }
}
