/**
 * Dockerfiles as stacker files. Text becomes text here, with nothing built: the Plan is made of the stacker file. By
 * the Dockerfile reference (https://docs.docker.com/reference/dockerfile/).
 */
export type { Note } from './conversion.ts';
export { type Converted, convertDockerfile } from './convert.ts';
export { type BaseConfig, onImage, type ReadBase } from './from.ts';
export type { ImportEntry, Layer } from './layer.ts';
export { ShellWriter } from './shell.ts';
export { type Inherited, image, nothing, Stage } from './stage.ts';
export { concat, literal, plain, type Text } from './text.ts';
export { readJsonForm, readWord, type Substitution } from './words.ts';
export { writeStackerFile } from './write.ts';
