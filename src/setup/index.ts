/**
 * Setup of a root tree without running anything of it: files, accounts, language, names. Works on a directory, for
 * trees of any architecture; every path is one of the tree, links included. Knows nothing of images and plans.
 * Formats: passwd(5), shadow(5), group(5), gshadow(5), login.defs(5), useradd(8), locale.conf(5), vconsole.conf(5),
 * machine-id(5).
 */
export { setUpTree } from './set-up.ts';
export type { GroupSetup, SetupChange, SetupOptions, UserSetup } from './types.ts';
