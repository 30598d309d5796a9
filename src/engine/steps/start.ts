/** What images start from. */
import type { SingleBase } from '../../plan/bases.ts';
import { emptyConfig, type NewLayer } from '../config.ts';
import { located } from '../located.ts';
import { type BaseImage, openBase } from '../sources/bases.ts';
import { asWanted } from './squash.ts';
import { type StepContext, tarBase } from './steps.ts';

export interface Start extends BaseImage {
  /** Layers that have no history yet: the uppermost ones. */
  readonly made: readonly NewLayer[];
  /** Whether nothing of it had to be made. */
  readonly cached: boolean;
}

/** A base, opened: layers of other images are fetched when somebody asks for them, and a tar file becomes a layer. */
export async function startFrom(base: SingleBase, step: StepContext): Promise<Start> {
  const { context, plan } = step;
  switch (base.kind) {
    case 'scratch':
      return { layers: [], config: emptyConfig(plan.platform), annotations: {}, made: [], cached: true };
    case 'image':
      return { ...(await openBase(base, plan.platform, plan.name, context)), made: [], cached: true };
    case 'built': {
      const { layers: made, config, annotations, unsquashed } = context.built(base.image);
      const layers = unsquashed ? await Promise.all(made.map(layer => asWanted(layer, step))) : made;
      return { layers, config, annotations, made: [], cached: true };
    }
    case 'tar': {
      const { layer, created, cached } = await located(base.source.at, () => tarBase(base, step));
      const layers = layer ? [layer] : [];
      const made = layers.map(({ diffId }) => ({ diffId, created, createdBy: base.createdBy }));
      return { layers, config: emptyConfig(plan.platform), annotations: {}, made, cached };
    }
  }
}
