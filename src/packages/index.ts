/**
 * Package managers: how packages are installed into and removed from a tree, as files, a script and an environment.
 * Pure functions that write no file and run nothing; what they make is run in a tree by others. Knows nothing of images,
 * layers or the Plan. After the manuals of apt-get(8), sources.list(5), zypper(8), dnf(8), dnf5(8), apk(8), pacman(8).
 */

export { LEFT_OUT, LEFT_OUT_OF_BOOTSTRAP, removeLeavings } from './leavings.ts';
export { NONE_INSTALLED } from './removal.ts';
export { repositoryIdentity } from './repository-identity.ts';
export { steadyRpmDatabases } from './rpm-times.ts';
export { packageArchive, packageWork } from './script.ts';
export { hostPrograms, managerPrograms, missingTool } from './tools.ts';
export {
  ARCHIVES,
  CONFIGURATION,
  type PackageCollection,
  type PackageManager,
  type PackageRequest,
  type PackageSelection,
  type PackageWork,
  type RepositoryAccess,
  type RepositoryTerms,
  TREE_AMONG_HOST,
  WORK,
} from './types.ts';
