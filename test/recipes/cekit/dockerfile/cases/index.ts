import { artifactCases } from './artifacts.ts';
import type { Case } from './case.ts';
import { moduleCases } from './modules.ts';
import { packageCases } from './packages.ts';
import { stageCases } from './stages.ts';
import { valueCases } from './values.ts';

/** Descriptors of every section and key with the Dockerfiles that they are, for all that prints and builds them. */
export const cases: readonly Case[] = [
  ...artifactCases,
  ...moduleCases,
  ...packageCases,
  ...valueCases,
  ...stageCases,
];
export type { Case };
