/** Values between double quotes, as CEKit writes them into Dockerfiles, and what they become there. */

/** What the variables of the values are; X is a build argument. */
export const variables = { A: 'one', EMPTY: '', PATH: '/usr/bin' } as const;
export const buildArguments = { X: 'argument' } as const;

/** Those that Dockerfiles can have. */
export const dockerfileCases: readonly (readonly [value: string, result: string])[] = [
  ['plain', 'plain'],
  ['', ''],
  ['é # %s `x` !', 'é # %s `x` !'],
  ['#no comment', '#no comment'],
  ['a=b', 'a=b'],
  ['say "hi"', 'say hi'],
  ["it's", "it's"],
  ["'$A'", "'one'"],
  ['"$A"', 'one'],
  ['"\'$A\'"', '$A'],
  ['"\'a b\'"', 'a b'],
  ['$PATH:"/usr/local/s2i"', '/usr/bin:/usr/local/s2i'],
  ['$A', 'one'],
  ['$A$A', 'oneone'],
  ['${A}s', 'ones'],
  ['$As', ''],
  ['$A_B', ''],
  ['$NONE.', '.'],
  ['$1x', 'x'],
  ['a$', 'a$'],
  ['$$A', '$one'],
  ['$X ${X}', 'argument argument'],
  ['${NONE:-d}', 'd'],
  ['${EMPTY:-d}', 'd'],
  ['${A:-d}', 'one'],
  ['${A:-}', 'one'],
  ['${NONE:+d}', ''],
  ['${EMPTY:+d}', ''],
  ['${A:+d}', 'd'],
  ['${NONE:-$A}', 'one'],
  ['${NONE:-${A}x}', 'onex'],
  ['${NONE:-${EMPTY:-deep}}', 'deep'],
  ['${NONE:-a}b}', 'ab}'],
  ['${NONE:-"q"}', 'q'],
  ["${NONE:-'$A'}", '$A'],
  ['\\$A', '$A'],
  ['\\\\$A', '\\one'],
  ['\\"q\\"', '"q"'],
  ["\\'", "\\'"],
  ['C:\\dir\\new', 'C:\\dir\\new'],
  ['a\\\\b', 'a\\b'],
  ['a\\\nb', 'ab'],
];

/** Those that would break a Dockerfile. */
export const otherCases: readonly (readonly [value: string, result: string])[] = [
  ['two\nlines', 'two\nlines'],
  ['"', '"'],
  ['a"b c"', 'a"b c"'],
  ['5" $A', '5" one'],
  ['"a\'b"', '"a\'b"'],
  ['\\', '\\'],
  ['C:\\dir\\', 'C:\\dir\\'],
  ['x" Y="z', 'x" Y="z'],
  ['${NONE-d}${EMPTY-d}', 'd'],
  ['${NONE+d}${EMPTY+d}', 'd'],
];
