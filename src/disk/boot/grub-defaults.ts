/** /etc/default/grub, from which updates inside the system write their menu. */
import type { BootMenu } from '../types.ts';
import { serialCommand } from './grub-config.ts';

/** The text with what the disk was made with; what else is there stays. */
export function grubDefaults(text: string, menu: BootMenu, distributor: string, commandLine: string): string {
  const withoutRoot = commandLine
    .split(/\s+/)
    .filter(word => !word.startsWith('root='))
    .join(' ');
  const serial = serialCommand(menu);
  return withSettings(text, {
    GRUB_TIMEOUT: String(menu.timeout),
    ...(menu.timeoutStyle ? { GRUB_TIMEOUT_STYLE: menu.timeoutStyle } : {}),
    GRUB_CMDLINE_LINUX_DEFAULT: withoutRoot,
    ...(menu.inputs.length === 0 ? {} : { GRUB_TERMINAL_INPUT: menu.inputs.join(' ') }),
    ...(menu.outputs.length === 0 ? {} : { GRUB_TERMINAL_OUTPUT: menu.outputs.join(' ') }),
    ...(serial === undefined ? {} : { GRUB_SERIAL_COMMAND: serial }),
    GRUB_DISTRIBUTOR: distributor,
    ...(/^\s*GRUB_DEFAULT=/m.test(text) ? {} : { GRUB_DEFAULT: 'saved' }),
    ...menu.settings,
  });
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
