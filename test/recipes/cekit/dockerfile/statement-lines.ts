/** The lines of a Dockerfile without comments, blank lines and the indentation that is CEKit's. */
export function bareLines(dockerfile: string): string {
  const lines = dockerfile.split('\n').filter(line => !/^\s*(#|$)/.test(line));
  const bare = lines.map((line, i) => {
    const continues = lines[i - 1]?.endsWith('\\') === true && !/^\s*(&&|RUN)/.test(line);
    return `${continues ? '    ' : ''}${line.trim()}\n`;
  });
  return bare.join('');
}

/** Each statement on one line, whatever its layout was. Line ends that break a statement in two stay. */
export function statementsIn(dockerfile: string): readonly string[] {
  const lines = dockerfile.split('\n').filter(line => !/^\s*(#|$)/.test(line));
  const joined = lines.join('\n').replaceAll(/\\\n/g, ' ');
  return joined.split('\n').map(line => line.trim().replaceAll(/\s+/g, ' '));
}
