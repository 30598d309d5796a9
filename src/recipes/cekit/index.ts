/**
 * CEKit descriptors (`image.yaml`, `module.yaml`, overrides) become a Plan here, or the Dockerfile that CEKit would
 * have made of them. Nothing is built; what needs the network or git is done by functions of the options.
 */
export type { CekitOptions, Checkout, Override } from './options.ts';
