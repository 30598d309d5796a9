/**
 * Builds plans. Works out what is known already (content addresses, in the store's index), schedules the rest, does it
 * (here, or in a process in namespaces of our own where mounts and foreign owners are needed) and publishes results
 * into an OCI layout. Knows the Plan and nothing of where it came from; speaks in events, prints nothing.
 */
export {
  type ArtifactOptions,
  type ArtifactOrder,
  addArtifact,
  clearArtifacts,
  type ListedArtifact,
  listArtifacts,
  removeArtifact,
} from './artifacts/artifacts.ts';
export { buildPlan } from './build.ts';
export {
  type Container,
  type ContainerChanges,
  type TestedImage,
  testImage,
} from './containers/containers.ts';
export type { BuildOptions, FetchOptions, FormOptions } from './context.ts';
export type { BuildEvent, EventSink } from './events.ts';
export { TAG_SUFFIXES } from './forms/images.ts';
export { diffImages, type ImageDiff } from './images/diff.ts';
export { factsOf, type PlanFacts } from './images/facts.ts';
export { readLabels } from './images/labels.ts';
export { isReference } from './images/open.ts';
export type { PackageDifference } from './images/package-difference.ts';
export type { PathDifference, PathState } from './images/path-difference.ts';
export { type RebaseOrder, rebaseImage } from './images/rebase.ts';
export {
  reportStack,
  type StackReport,
  type StackVerification,
  verifyImage,
} from './images/stack-report.ts';
export { type Explanation, explainPlan } from './keys/explain.ts';
export type { Change } from './keys/explanation.ts';
export { type MountOrder, mountImage, unmountImage } from './mounts/mount.ts';
export { copyFile } from './outputs/copy-file.ts';
export { type Abilities, probeAbilities } from './probe.ts';
export { removeDirectory } from './project/clean.ts';
export { holdProject, keptChanges, type ProjectDirectories } from './project/project.ts';
export { systemDirectory } from './project/systems.ts';
export { BuildRecorder, type BuildReport } from './report.ts';
export { Repositories, type RepositoryOptions } from './repositories/repositories.ts';
export { selectImages } from './selection.ts';
export { type Entrance, enterImage } from './shell/enter.ts';
export { grab } from './shell/grab.ts';
export { type FetchContext, fetchText } from './sources/fetching.ts';
export { withFilesOf } from './sources/obtain.ts';
export { withDirectoryOf } from './stash/directories.ts';
export { type ListedStash, type ListedTag, listStashes } from './stash/list.ts';
export { type Described, type StashedTree, type StashTreeOrder, stashTree } from './stash/make.ts';
export { type OpenedStash, type OpenStashOptions, openStash } from './stash/open.ts';
export { stashHome } from './stash/stashes.ts';
export { collectGarbage, type GcOptions, type GcResult, type StoredThing } from './store/gc.ts';
export type { BuiltImage, MadeOutput } from './values.ts';
