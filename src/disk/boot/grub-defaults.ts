/** /etc/default/grub, from which updates inside the system write their menu. */
import type { BootMenu } from '../types.ts';
import { serialCommand } from './grub-config.ts';

/** What the disk was made with. */
export interface GrubDefaults {
  readonly menu: BootMenu;
  /** Of the kernel, with `root=`. */
  readonly commandLine: string;
  /** Whether `root=` is the UUID of the file system, which programs of the system find by themselves. */
  readonly findsRoot: boolean;
}

/** The text with what the disk was made with; what else is there stays. */
export function grubDefaults(text: string, { menu, commandLine, findsRoot }: GrubDefaults): string {
  const words = commandLine.split(/\s+/);
  const isRoot = (word: string) => word.startsWith('root=');
  const serial = serialCommand(menu);
  return withSettings(text, {
    GRUB_TIMEOUT: String(menu.timeout),
    ...(menu.timeoutStyle ? { GRUB_TIMEOUT_STYLE: menu.timeoutStyle } : {}),
    GRUB_CMDLINE_LINUX_DEFAULT: words.filter(word => !isRoot(word)).join(' '),
    // What is said here comes after what such programs find, and so is what counts.
    ...(findsRoot
      ? { GRUB_DISABLE_LINUX_UUID: 'false', ...(OTHER_ROOT.test(text) ? { GRUB_CMDLINE_LINUX: '' } : {}) }
      : { GRUB_CMDLINE_LINUX: words.filter(isRoot).join(' ') }),
    ...(menu.inputs.length === 0 ? {} : { GRUB_TERMINAL_INPUT: menu.inputs.join(' ') }),
    ...(menu.outputs.length === 0 ? {} : { GRUB_TERMINAL_OUTPUT: menu.outputs.join(' ') }),
    ...(serial === undefined ? {} : { GRUB_SERIAL_COMMAND: serial }),
    GRUB_DISTRIBUTOR: menu.title,
    ...(/^\s*GRUB_DEFAULT=/m.test(text) ? {} : { GRUB_DEFAULT: 'saved' }),
    ...menu.settings,
  });
}

/** The root of the disk that the tree comes from. */
const OTHER_ROOT = /^\s*GRUB_CMDLINE_LINUX=.*\broot=/m;

/** Each `KEY="value"` in the place of the last line that sets it, else at the end. */
function withSettings(text: string, settings: Readonly<Record<string, string>>): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  for (const [key, value] of Object.entries(settings)) {
    const line = `${key}=${inDoubleQuotes(value)}`;
    const at = lines.findLastIndex(other => new RegExp(`^\\s*${key}=`).test(other));
    if (at < 0) lines.push(line);
    else lines[at] = line;
  }
  return `${lines.join('\n')}\n`;
}

function inDoubleQuotes(value: string): string {
  return `"${value.replace(/["$`\\]/g, '\\$&')}"`;
}
