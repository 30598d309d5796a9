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
  // What is said there comes after what such programs find, and so is what counts.
  const root = findsRoot ? '' : words.filter(isRoot).join(' ');
  return withSettings(withRoot(text, root), {
    GRUB_TIMEOUT: String(menu.timeout),
    ...(menu.timeoutStyle ? { GRUB_TIMEOUT_STYLE: menu.timeoutStyle } : {}),
    GRUB_CMDLINE_LINUX_DEFAULT: words.filter(word => !isRoot(word)).join(' '),
    ...(findsRoot ? { GRUB_DISABLE_LINUX_UUID: 'false' } : {}),
    ...(menu.inputs.length === 0 ? {} : { GRUB_TERMINAL_INPUT: menu.inputs.join(' ') }),
    ...(menu.outputs.length === 0 ? {} : { GRUB_TERMINAL_OUTPUT: menu.outputs.join(' ') }),
    ...(serial === undefined ? {} : { GRUB_SERIAL_COMMAND: serial }),
    GRUB_DISTRIBUTOR: menu.title,
    ...(/^\s*GRUB_DEFAULT=/m.test(text) ? {} : { GRUB_DEFAULT: 'saved' }),
    ...menu.settings,
  });
}

const OPTIONS = /^(\s*GRUB_CMDLINE_LINUX\+?=)(.*)$/;

/** Without the root of the disk that the tree comes from; ours, if there is one, is with the other options of all kernels. */
function withRoot(text: string, root: string): string {
  const lines = text
    .split('\n')
    .map(line => line.replace(OPTIONS, (_, key: string, value: string) => key + withoutRoot(value)));
  const at = lines.findLastIndex(line => /^\s*GRUB_CMDLINE_LINUX=/.test(line));
  if (root === '') return lines.join('\n');
  if (at < 0) return withSettings(lines.join('\n'), { GRUB_CMDLINE_LINUX: root });
  const [, key = '', value = ''] = OPTIONS.exec(lines[at] ?? '') ?? [];
  return lines.with(at, key + before(value, root)).join('\n');
}

/** Words that begin a value or follow a blank. */
function withoutRoot(value: string): string {
  const word = String.raw`root=(?:\\.|[^\s"'\\])*`;
  return value
    .replace(new RegExp(String.raw`\s+${word}`, 'g'), '')
    .replace(new RegExp(String.raw`(^|["'])${word}\s*`, 'g'), '$1');
}

/** A value of a shell, quoted or not, with a word before it. */
function before(value: string, word: string): string {
  const gap = /^["']*\s*$/.test(value) ? '' : ' ';
  const quoted = inDoubleQuotes(word + gap);
  return value.startsWith('"') ? quoted.slice(0, -1) + value.slice(1) : quoted + value;
}

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
