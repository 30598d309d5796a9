/**
 * `RUN --mount`: what the command sees there must not be in the image, and what it hides must be there afterwards. So
 * the path is put aside, stands for something else while the command runs, and comes back.
 */
import { posix } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import type { Conversion } from './conversion.ts';
import type { Flag } from './instructions.ts';
import type { ImportEntry, Mount } from './layer.ts';
import type { Stage } from './stage.ts';
import { concat, literal, plain } from './text.ts';
import { expandWord } from './words.ts';

/** The mount that a flag asks for; undefined, with a note, when a stacker file cannot have it. */
export function readMount(flag: Flag, stage: Stage, conversion: Conversion): Mount | undefined {
  const fields = new Map(
    plain(expandWord(flag.value, conversion.scope(stage, flag.at)))
      .split(',')
      .map(field => [field.replace(/=.*/s, '').toLowerCase(), field.replace(/^[^=]*=?/s, '')] as const),
  );
  const type = fields.get('type') ?? 'bind';
  const path = fields.get('target') ?? fields.get('dst') ?? fields.get('destination');
  if (type === 'secret' || type === 'ssh') return leaveOut(flag, stage, conversion);
  if (path === undefined) throw new AshlarError('a mount needs a target', { at: flag.at });
  const target = stage.absolute(literal(path));
  const word = conversion.shell.quote(target);
  const kept = conversion.shell.quote(concat(target, ['.kept']));
  const hide = concat(['[ ! -e '], word, [' ] || mv '], word, [' '], kept);
  const restore = concat(['[ ! -e '], kept, [' ] || mv '], kept, [' '], word);
  const parent = conversion.shell.quote(literal(posix.dirname(plain(target))));
  switch (type) {
    case 'cache':
    case 'tmpfs': {
      const { uid = '0', gid = '0', mode = '' } = Object.fromEntries(fields);
      const own =
        uid === '0' && gid === '0' ? [] : [conversion.shell.changeOwner([`${uid}:${gid}`], [target], false)];
      const make = concat([/^[0-7]+$/.test(mode) ? `mkdir -p -m ${mode} ` : 'mkdir -p '], word);
      return {
        target,
        before: [hide, make, ...own],
        after: [concat(['rm -rf '], word), restore],
        imports: [],
      };
    }
    case 'bind': {
      const { name, entry } = toImport(fields, flag, stage, conversion);
      const link = concat([`ln -s /stacker/imports/${name} `], word);
      return {
        target,
        before: [hide, concat(['mkdir -p '], parent), link],
        after: [concat(['rm '], word), restore],
        imports: [entry],
      };
    }
    default:
      return leaveOut(flag, stage, conversion);
  }
}

/** Says that a flag of RUN does not count. */
export function leaveOut(flag: Flag, stage: Stage, conversion: Conversion): undefined {
  const text = `RUN --${flag.name}=${flag.value} has no place in a stacker file, it is left out`;
  conversion.note(stage, text, flag.at);
}

/** What a bind mount shows as an import under a name of its own. */
function toImport(
  fields: ReadonlyMap<string, string>,
  flag: Flag,
  stage: Stage,
  conversion: Conversion,
): { name: string; entry: ImportEntry } {
  const name = `mount-${flag.at.line}-${flag.at.column}`;
  const dest = literal(`/${name}`);
  const from = fields.get('from');
  const source = posix.resolve('/', fields.get('source') ?? fields.get('src') ?? '/');
  const origin = from === undefined ? undefined : conversion.origin(from, stage, flag.at).name;
  const helper = conversion.helper(stage, name, {
    comments: [`What RUN --mount=${flag.value} shows`],
    from: { type: 'scratch' },
    imports: origin
      ? [{ path: concat(['stacker://'], origin, [source]), dest }]
      : conversion.contextImports(source.slice(1), dest),
  });
  return { name, entry: { path: concat(['stacker://'], helper, dest) } };
}
