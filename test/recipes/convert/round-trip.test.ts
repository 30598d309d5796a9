import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ConfigChange, ImagePlan, Text } from '../../../src/plan/types.ts';
import { planDescription } from '../../../src/recipes/cekit/index.ts';
import { planToCekit, planToStacker } from '../../../src/recipes/convert/index.ts';
import { loadStackerPlan } from '../../../src/recipes/stacker/index.ts';
import { describeImages, optionsIn, writeFiles } from '../cekit/load.ts';
import { testOptions } from '../stacker/load.ts';

/** Whatever has a meaning somewhere on the way: to YAML, substitutions, Dockerfiles, JSON or shells. */
const text = fc.string({
  unit: fc.constantFrom(...'ab1 "\'\\$}(#:,-%/*`=\n\tü'),
  maxLength: 8,
});
const path = text.map(name => `/${name.replaceAll(/[\n\t/]/g, '')}x`);
const name = fc.constantFrom('A', 'B_2', 'PATH', 'x.y');

const layer = fc.record({
  environment: fc.dictionary(name, text),
  labels: fc.dictionary(name, text),
  volumes: fc.uniqueArray(path, { maxLength: 2 }),
  working_dir: path,
  runtime_user: fc.constantFrom('0', '5:6', 'some'),
  entrypoint: fc.array(text, { minLength: 1, maxLength: 2 }),
  cmd: fc.array(text, { maxLength: 2 }),
});

const readBase = async () => ({ environment: [], workingDir: '', user: '' });
const annotationsNamespace = 'io.stackeroci';

it('what a layer says of its config comes through a descriptor and back', async () => {
  await using directory = await writeFiles({});
  const at = (file: string) => join(directory.path, file);
  const stackerPlan = async (file: string) => {
    const { plan } = await loadStackerPlan(testOptions({ files: [file], cwd: directory.path }));
    return plan;
  };
  await fc.assert(
    fc.asyncProperty(layer, async directives => {
      const from = { type: 'docker', url: 'docker://h/base:1' };
      await writeFile(at('stacker.yaml'), JSON.stringify({ app: { from, ...directives } }));
      const plan = await stackerPlan('stacker.yaml');
      const { files } = await planToCekit(plan, {
        stackerFile: 'stacker.yaml',
        output: at('image.yaml'),
        annotationsNamespace,
        platform: { os: 'linux', architecture: 'amd64' },
        readBase,
      });
      for (const { path, content } of files) await writeFile(path, content);
      const options = optionsIn(directory.path);
      const there = await planDescription(await describeImages(options), options);
      expect(meaning(there.images)).toEqual(meaning(plan.images));

      const { text } = await planToStacker(there, {
        descriptor: 'image.yaml',
        output: at('back.yaml'),
        fleeting: () => false,
        readBase,
      });
      await writeFile(at('back.yaml'), text);
      expect(meaning((await stackerPlan('back.yaml')).images)).toEqual(meaning(plan.images));
    }),
    { numRuns: 40 },
  );
});

/** What the config of the last image says in the end. */
function meaning(images: readonly ImagePlan[]) {
  const image = images.at(-1);
  const steps = image?.steps.flatMap(step => (step.kind === 'config' ? [step.change] : [])) ?? [];
  const changes: readonly ConfigChange[] = [...steps, ...(image ? [image.config] : [])];
  const last = <K extends keyof ConfigChange>(key: K) =>
    changes.findLast(change => change[key] !== undefined)?.[key];
  const { 'io.cekit.version': _, ...labels } = Object.assign({}, ...changes.map(change => change.labels));
  return {
    environment: new Map<string, Text>(changes.flatMap(({ environment }) => environment)),
    labels: labels as Readonly<Record<string, Text>>,
    volumes: changes.flatMap(({ volumes }) => volumes),
    workingDir: last('workingDir'),
    user: last('user'),
    entrypoint: last('entrypoint'),
    cmd: last('cmd'),
  };
}
