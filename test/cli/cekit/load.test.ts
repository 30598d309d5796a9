import { expect, it } from 'vitest';
import { imageAlone, withImage } from '../../../src/cli/cekit/load.ts';
import type { Plan } from '../../../src/plan/types.ts';
import { plannedOutputs, readOutputs } from '../../../src/recipes/outputs.ts';
import { sourceText } from '../../../src/support/source-text.ts';
import { parseYaml } from '../../../src/support/yaml.ts';
import { imagePlan } from '../../e2e/plans.ts';

/** A plan of a builder, and a target with outputs. */
function planWith(list: string): Plan {
  const wanted = readOutputs(parseYaml(sourceText('image.yaml', list)), () => {});
  const target = imagePlan('app', undefined, { emit: wanted.forms.length > 0, tags: ['app:1'] });
  const { name, platform } = target;
  return {
    images: [
      imagePlan('builder', undefined, { emit: false }),
      { ...target, ...plannedOutputs(wanted, { name, platform }) },
    ],
  };
}

it('gives engines and registries the image, whatever else is made of it', () => {
  const [builder, app] = withImage(planWith('[tar, erofs]')).images;
  expect(builder).toMatchObject({ emit: false });
  expect(app).toMatchObject({ emit: true, forms: ['usual', 'erofs'], outputs: [{ file: 'app.tar' }] });
});

it('gives locks and tests the image alone', () => {
  const [builder, app] = imageAlone(planWith('[tar]')).images;
  expect(builder).toMatchObject({ emit: false });
  expect(app).toMatchObject({ emit: true });
  expect(app).not.toHaveProperty('outputs');
  expect(app).not.toHaveProperty('forms');
});
