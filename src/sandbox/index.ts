/**
 * Running things in a root tree, for root and plain users alike: namespaces of our own, layers put together by overlay
 * mounts, and an OCI runtime (or the built-in runner) that starts the process. Knows directories, mounts and
 * processes; knows nothing of images, layers' formats or the Plan. Everything but `startInNamespaces`,
 * `detectIdMap` and what tells of obstacles must be called inside the namespaces.
 */

export { copyDirectoryAttributes } from './attributes.ts';
export type { Identity, Process, Streams } from './bundle.ts';
export { type Confinement, INPUT, OUTPUT, runConfined } from './confine.ts';
export { type Container, inContainer } from './container.ts';
export { detectIdMap, type IdMap } from './idmap.ts';
export { CALLERS_STDERR, settleInNamespaces, startInNamespaces } from './namespaces.ts';
export { Network, type NetworkQuestion, type PageAnswer } from './network.ts';
export { namespaceCure, namespaceObstacle } from './obstacles.ts';
export { overlayAt, releaseMounts } from './release.ts';
export { type HostMount, nameResolution, type RunOptions, runInTree } from './run.ts';
export { probeRuntime, type RuntimeName } from './runtime.ts';
export { addSubordinateRange, type SubordinateUser } from './subordinate-ids.ts';
export { mountTree, type Tree } from './tree.ts';
export { type Account, findAccount, readAccountFiles } from './users.ts';
