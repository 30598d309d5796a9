/** Texts that GRUB reads. */
import type { BootMenu } from '../types.ts';

/** A place on the disk, as GRUB looks for it. */
export interface GrubPlace {
  /** The directory of GRUB there: `/boot/grub`, `/grub2` on a partition of its own. */
  readonly directory: string;
  readonly search:
    | { readonly kind: 'uuid'; readonly uuid: string }
    | { readonly kind: 'file'; readonly path: string };
}

/** Commands that lead from a loader on the ESP, or before the first partition, to the menu. */
export function earlyConfig({ directory, search }: GrubPlace): string {
  return [
    // The short form: the long one wants the whole of GRUB, which is not yet there.
    search.kind === 'uuid' ? `search.fs_uuid ${search.uuid} root` : `search.file ${search.path} root`,
    `set prefix=($root)${directory}`,
    `configfile ($root)${directory}/grub.cfg`,
    '',
  ].join('\n');
}

export interface GrubEntry {
  /** Where GRUB finds it. */
  readonly kernel: string;
  readonly initrd: string | undefined;
  readonly commandLine: string;
}

/** The menu: one entry, for the one kernel of the disk. */
export function grubConfig(menu: BootMenu, place: GrubPlace, entry: GrubEntry): string {
  const { kernel, initrd, commandLine } = entry;
  const search = searchCommand(place.search);
  return [
    '# Written when this disk was made. Where the system has grub-mkconfig, its updates write this anew.',
    search,
    'set default=0',
    `set timeout=${menu.timeout}`,
    ...(menu.timeoutStyle ? [`set timeout_style=${menu.timeoutStyle}`] : []),
    ...terminals(menu, place.directory),
    `menuentry ${quoted(menu.title)} --class gnu-linux --class os {`,
    `  ${search}`,
    ...[['linux', quoted(kernel), ...wordsOf(commandLine).map(quoted)].join(' ')].map(line => `  ${line}`),
    ...(initrd === undefined ? [] : [`  initrd ${quoted(initrd)}`]),
    '}',
    '',
  ].join('\n');
}

const DEFAULT_SERIAL = '--unit=0 --speed=115200';

/** GRUB's command for a serial line, where one is asked for. */
export function serialCommand({ inputs, outputs, serialLine }: BootMenu): string | undefined {
  const usesSerial = [...inputs, ...outputs].includes('serial');
  return usesSerial || serialLine !== undefined ? `serial ${serialLine ?? DEFAULT_SERIAL}` : undefined;
}

function terminals(menu: BootMenu, directory: string): readonly string[] {
  const { inputs, outputs } = menu;
  const serial = serialCommand(menu);
  return [
    ...(serial === undefined ? [] : [serial]),
    ...(inputs.length === 0 ? [] : [`terminal_input ${inputs.join(' ')}`]),
    ...outputCommands(outputs, directory),
  ];
}

/** Graphics need a font: without it the menu stays as text. */
function outputCommands(outputs: readonly string[], directory: string): readonly string[] {
  if (outputs.length === 0) return [];
  const choose = `terminal_output ${outputs.join(' ')}`;
  if (!outputs.includes('gfxterm')) return [choose];
  return [
    `if loadfont ($root)${directory}/fonts/unicode.pf2; then`,
    '  set gfxmode=auto',
    `  ${choose}`,
    'fi',
  ];
}

function searchCommand(search: GrubPlace['search']): string {
  return search.kind === 'uuid'
    ? `search --no-floppy --fs-uuid --set=root ${search.uuid}`
    : `search --no-floppy --file --set=root ${quoted(search.path)}`;
}

/** The words of a command line; double quotes hold those with blanks together, and stay. */
function wordsOf(commandLine: string): readonly string[] {
  return commandLine.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

/** GRUB puts quotes around words with blanks itself, for which the kernel's own must not be there. */
function quoted(word: string): string {
  const plain = /\s/.test(word) ? word.replaceAll('"', '') : word;
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
}
