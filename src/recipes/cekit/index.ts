/**
 * CEKit descriptors (`image.yaml`, `module.yaml`, overrides) become a Plan here, or the Dockerfile that CEKit would
 * have made of them. Nothing is built; what needs the network or git is done by functions of the options.
 */
export { descriptorSchema, moduleSchema, overridesSchema } from './descriptor/schema.ts';
export { sectionsOf } from './dockerfile/context.ts';
export { type RenderOptions, renderDockerfile } from './dockerfile/render.ts';
export type { FileArtifact, UrlRepository } from './dockerfile/statements.ts';
export { type DescriptorRemark, lintPlan } from './lint.ts';
export { describeImages, loadCekitPlan } from './load.ts';
export { LOCK_FILE, type Lock, readLock, writeLock } from './lock.ts';
export { type BuildFacts, imagesWithPackages, lockOf } from './locking.ts';
export type { Description } from './model.ts';
export type { CekitOptions, Checkout, Override } from './options.ts';
export { type PlanOptions, planDescription } from './plan/plan.ts';
export { referencedImage } from './plan/references.ts';
export { artifactSource, checkOutArtifacts, repositorySource } from './plan/sources.ts';
export { isDescriptor } from './recognize.ts';
export { targetFiles } from './target/files.ts';
export type { TargetFile, TargetOptions } from './target/types.ts';
export type { Action, Find, PageAction, StartAction, ValueAction } from './tests/actions.ts';
export type { Scenario, Step } from './tests/features.ts';
export { findTests } from './tests/find.ts';
export { type Selection, selectScenarios } from './tests/select.ts';
export { readStep } from './tests/steps.ts';
