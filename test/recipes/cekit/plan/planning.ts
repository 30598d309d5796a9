/** Plans of small descriptions, for tests. */
import type { ImagePlan, Plan, Step } from '../../../../src/plan/types.ts';
import type { Stage } from '../../../../src/recipes/cekit/model.ts';
import { type PlanOptions, planDescription } from '../../../../src/recipes/cekit/plan/plan.ts';
import { stage } from '../stage.ts';

export interface Planned {
  readonly plan: Plan;
  readonly warnings: readonly string[];
}

/** What becomes of stages, of which the last is the target. */
export async function planned(
  stages: readonly Partial<Stage>[],
  options: Partial<PlanOptions> = {},
): Promise<Planned> {
  const warnings: string[] = [];
  const all = stages.map(stage);
  const target = all.pop() ?? stage();
  const plan = await planDescription(
    { builders: all, target },
    {
      buildArguments: [],
      cwd: '/work',
      environment: {},
      layers: 'one',
      literalValues: false,
      platforms: [{ os: 'linux', architecture: 'amd64' }],
      tags: [],
      version: '0.0.0',
      checkout: async (url, ref) => ({ directory: `/checkouts/${url}/${ref}`, commit: 'c'.repeat(40) }),
      warn: message => warnings.push(message),
      ...options,
    },
  );
  return { plan, warnings };
}

/** The image of the only stage. */
export async function plannedImage(
  stage: Partial<Stage>,
  options?: Partial<PlanOptions>,
): Promise<ImagePlan> {
  const { plan } = await planned([stage], options);
  const image = plan.images.at(-1);
  if (!image) throw new Error('a plan without images');
  return image;
}

/** Steps in a few words each. */
export function outline({ steps }: ImagePlan): readonly string[] {
  return steps.map(describeStep);
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'copy':
      return `copy ${step.items.map(({ target }) => JSON.stringify(target)).join(' ')}`;
    case 'exec':
      return `exec as ${JSON.stringify(step.user)}: ${step.command.join(' ')}`;
    case 'config':
      return `config: ${step.createdBy}`;
    default:
      return step.kind;
  }
}
