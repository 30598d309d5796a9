/** What `stack` makes, as a plan that no file describes. */
import { resolve } from 'node:path';
import { isReference } from '../../engine/index.ts';
import { hostPlatform } from '../../oci/index.ts';
import type { Plan } from '../../plan/types.ts';
import type { ConflictPolicy, ConflictRules } from '../../stacking/index.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';

const POLICIES: readonly string[] = ['error', 'warn', 'last', 'first'] satisfies readonly ConflictPolicy[];

function isPolicy(text: string): text is ConflictPolicy {
  return POLICIES.includes(text);
}

/** @throws UsageError for what is no policy. */
export function conflictRules(texts: readonly string[]): ConflictRules {
  let policy: ConflictPolicy = 'warn';
  const paths: { readonly glob: string; readonly policy: ConflictPolicy }[] = [];
  for (const text of texts) {
    const [, glob, word = text] = /^(\/.*)=([^=]*)$/s.exec(text) ?? [];
    if (!isPolicy(word)) {
      throw new UsageError(`unknown conflict policy: ${word}`, {
        hint: `there are ${POLICIES.join(', ')}, for all paths or for some: /etc/**=first`,
      });
    }
    if (glob === undefined) policy = word;
    else paths.push({ glob, policy: word });
  }
  return { policy, paths };
}

/** Where everything of a plan is from that no file describes. */
const AT: SourceSpan = { file: 'command line', line: 1, column: 1 };

/** A plan of one image that is nothing but other images, stacked. */
export function stackPlan(
  tag: string,
  images: readonly string[],
  conflicts: ConflictRules,
  ociDir: string,
): Plan {
  const [first] = images;
  if (first === undefined) throw new AshlarError('nothing to stack');
  const createdBy = `ashlar stack ${images.join(' ')}`;
  return {
    images: [
      {
        name: tag,
        base: {
          kind: 'stack',
          parts: images.map(image => ({
            kind: 'image',
            reference: isReference(image) ? image : `oci:${resolve(ociDir)}:${image}`,
            insecure: false,
            at: AT,
          })),
          conflicts,
          libraryCache: 'regenerate',
          createdBy,
          at: AT,
        },
        imports: [],
        steps: [],
        shell: { environment: { defaults: {}, passThrough: [], set: {} }, binds: [], importDirectories: [] },
        config: { environment: [], labels: {}, volumes: [] },
        annotations: {},
        platform: hostPlatform(),
        emit: true,
        after: [],
        createdBy,
        at: AT,
      },
    ],
  };
}
