/** What the log says of the imports of an image, in the words of stacker. */
import { type LookContext, say } from '../context.ts';
import type { SourceFact } from '../keys/history.ts';

const ADDRESS = /^https?:/i;

/** `before` are the sources of the image's last build. */
export function sayImports(
  now: readonly SourceFact[],
  before: readonly SourceFact[],
  image: string,
  context: LookContext,
): void {
  const tell = (text: string) => say(context, image, 'info', text);
  const imports = now.filter(({ role }) => role === 'import');
  for (const { path, name } of imports) {
    const old = before.find(fact => fact.role === 'import' && fact.name === name)?.path;
    const moved = old !== undefined && old !== path && !imports.some(fact => fact.path === old);
    if (moved) tell(`${old} url changed to ${path}, pruning cache`);
  }
  for (const { path, identity } of imports.filter(({ path }) => path.startsWith('/'))) {
    const known = before.some(fact => fact.path === path && fact.identity === identity);
    tell(known && !context.options.noCache ? `using cached copy of ${path}` : `copying ${path}`);
  }
  const downloads = imports.filter(({ path }) => ADDRESS.test(path));
  if (downloads.length === 0) return;
  tell('imported file hashes (after substitutions):');
  for (const { path, identity } of downloads) {
    tell(`  - path: ${JSON.stringify(path)}`);
    tell(`    hash: ${JSON.stringify(identity.replace(/^http /, ''))}`);
  }
}
