/**
 * Dockerfiles as stacker files. Text becomes text here, with nothing built: the Plan is made of the stacker file. By
 * the Dockerfile reference (https://docs.docker.com/reference/dockerfile/).
 */
export { type Converted, convertDockerfile } from './convert.ts';
export type { BaseConfig } from './from.ts';
export { readJsonForm, readWord, type Substitution } from './words.ts';
