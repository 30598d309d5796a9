/** What a build would start from, and what of it is not as it was. */
import type { ContainerConfig } from '../../oci/index.ts';
import type { SingleBase } from '../../plan/bases.ts';
import { nameOfBase } from '../../plan/names.ts';
import type { ImagePlan, StackBase } from '../../plan/types.ts';
import type { LookContext } from '../context.ts';
import { openBase } from '../sources/bases.ts';
import { followed } from '../sources/sources.ts';
import { namesOfParts, stackRules } from '../stacking/parts.ts';
import { knownStack } from '../stacking/stack.ts';
import type { LayerRecord } from '../values.ts';
import { baseChanges, baseFact } from './comparison.ts';
import { type Change, changesBetween } from './explanation.ts';
import type { BaseFact } from './history.ts';
import { tarParts } from './key-parts.ts';
import { keyOf } from './keys.ts';
import { identityOf, resultOf } from './known.ts';

export interface ExplainedBase {
  /** Undefined when they are known only after a build. */
  readonly layers: readonly LayerRecord[] | undefined;
  /** Undefined when it is known only after a build. */
  readonly container: ContainerConfig | undefined;
  readonly changes: readonly Change[];
}

/** What has been found out of the images of the plan so far. */
export interface Findings {
  readonly known: ReadonlyMap<string, readonly LayerRecord[]>;
  readonly containers: ReadonlyMap<string, ContainerConfig>;
  readonly changed: ReadonlySet<string>;
}

/** @param old What the last build started from. */
export async function explainBase(
  plan: ImagePlan,
  old: BaseFact,
  findings: Findings,
  context: LookContext,
): Promise<ExplainedBase> {
  const { base } = plan;
  return base.kind === 'stack'
    ? explainStack(base, old, plan, findings, context)
    : explainSingle(base, old, plan, findings, context);
}

/** @param old Undefined where there is nothing to compare with. */
async function explainSingle(
  base: SingleBase,
  old: BaseFact | undefined,
  { platform, name }: ImagePlan,
  { known, containers, changed }: Findings,
  context: LookContext,
): Promise<ExplainedBase> {
  const renamed = renaming(old, nameOfBase(base));
  switch (base.kind) {
    case 'scratch':
      return { layers: [], container: {}, changes: renamed };
    case 'image': {
      const opened = await openBase(base, platform, name, context);
      const changes = baseChanges(old, baseFact({ base }, opened));
      // Layers of another image are not looked into before they are built on: they may not be here.
      const container = opened.config.config ?? {};
      return { layers: changes.length === 0 ? opened.layers : undefined, container, changes };
    }
    case 'built': {
      const layers = known.get(base.image);
      const container = containers.get(base.image);
      if (!layers) return { layers, container, changes: [change(`${base.image} will be rebuilt`)] };
      // Its config is inherited, whatever becomes of its layers.
      const inherited = changed.has(base.image) ? [change(`${base.image} changes`)] : [];
      return { layers, container, changes: [...renamed, ...inherited] };
    }
    case 'tar': {
      const content = await identityOf(followed(base.source), name, known, context);
      const result = await resultOf(keyOf('tar', tarParts(content, context.options)), context);
      if (result) return { layers: result.layers, container: {}, changes: renamed };
      return { layers: undefined, container: {}, changes: [change(`${nameOfBase(base)} changed`)] };
    }
  }
}

async function explainStack(
  base: StackBase,
  old: BaseFact,
  plan: ImagePlan,
  findings: Findings,
  context: LookContext,
): Promise<ExplainedBase> {
  const renamed = renaming(old, nameOfBase(base));
  const before = renamed.length === 0 ? old.parts : undefined;
  const explained = await Promise.all(
    base.parts.map((part, i) => explainSingle(part, before?.[i], plan, findings, context)),
  );
  const rules = changesBetween('base', old.rules ?? [], stackRules(base, context.options), () => []);
  const changes = [...renamed, ...rules, ...explained.flatMap(part => part.changes)];
  const names = namesOfParts(base.parts);
  const parts = explained.flatMap(({ layers }, i) => (layers ? [{ name: names[i] ?? '', layers }] : []));
  // As of a stack that is built: the first part's.
  const container = explained[0]?.container;
  if (parts.length < base.parts.length) return { layers: undefined, container, changes };
  const layers = await knownStack(base, parts, { plan, context }, key => resultOf(key, context));
  if (layers || changes.length > 0) return { layers, container, changes };
  return { layers, container, changes: [change('its parts are stacked anew')] };
}

function renaming(old: BaseFact | undefined, name: string): readonly Change[] {
  return old === undefined || name === old.name ? [] : [change(`${old.name} -> ${name}`)];
}

function change(text: string): Change {
  return { where: 'base', text, details: [] };
}
