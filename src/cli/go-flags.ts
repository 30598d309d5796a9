import type { Command, Option } from 'commander';

/**
 * Words of a command line in which flags may stand as programs in Go understand them, stacker among them: `-debug` for
 * `--debug`, `-f=file` for `-f file`. What is no flag of ours stays as it is, and so does all that follows the layer of
 * `chroot`: it belongs to the command that runs there.
 */
export function readGoFlags(words: readonly string[], program: Command): readonly string[] {
  const options = optionsOf(program);
  const long = new Set(options.map(option => option.long));
  const short = new Set(options.map(option => option.short));
  const end = endOfFlags(words);
  return words.flatMap((word, i) => {
    const [, name = '', value] = /^(-[A-Za-z][\w-]*)(?:=(.*))?$/s.exec(i < end ? word : '') ?? [];
    if (long.has(`-${name}`)) return [`-${word}`];
    return value !== undefined && short.has(name) ? [name, value] : [word];
  });
}

function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...command.commands.flatMap(optionsOf)];
}

function endOfFlags(words: readonly string[]): number {
  const command = words.findIndex(word => word === 'chroot' || word === 'exec');
  const ends = [
    words.indexOf('--'),
    command < 0 ? -1 : words.findIndex((word, i) => i > command && !word.startsWith('-')),
  ];
  return Math.min(...ends.filter(end => end >= 0), words.length);
}
