/** The stages of a descriptor as images of a Plan. */
import { posix } from 'node:path';
import type { CopyItem, CopyStep, ImagePlan, Squash, Step, Surroundings, Text } from '../../../plan/types.ts';
import { defaultPath } from '../../references.ts';
import type { Printing } from '../dockerfile/lines.ts';
import type { StageStatements, Statement } from '../dockerfile/statements.ts';
import type { CekitOptions } from '../options.ts';
import { type Meaning, predefinedArguments, stepsOf, textOf, unchanged } from './steps.ts';

/** What of an image the plan says elsewhere. */
type Identity = Pick<ImagePlan, 'name' | 'base' | 'platform' | 'emit' | 'tags' | 'forms' | 'outputs' | 'at'>;

/** An image with nothing of its own. */
export function plainImage(identity: Identity): ImagePlan {
  return {
    ...identity,
    imports: [],
    steps: [],
    shell,
    config: unchanged,
    annotations: {},
    after: [],
    createdBy: 'ashlar build',
    reproducible: true,
  };
}

const shell: Surroundings = {
  environment: { defaults: { PATH: defaultPath }, passThrough: ['TERM'], set: {} },
  binds: [],
  importDirectories: [],
};

/** The image of a stage. Throws AshlarError for what cannot be had. */
export function stageImage(
  statements: StageStatements,
  identity: Identity,
  layers: CekitOptions['layers'],
  meaning: Meaning,
): ImagePlan {
  const placed = placeStatements(statements, layers, meaning.printing);
  const steps = joinCopies(makeSteps(placed, meaning));
  const image = plainImage(identity);
  const without = placed.flatMap(({ statement }) => removedBy(statement));
  return {
    ...image,
    steps: steps.map(({ step }) => step),
    ...(statements.builder ? {} : { squash: { groups: groupsOf(steps), without } }),
    config: { ...unchanged, defaultEnvironment: [['PATH', defaultPath]] },
  };
}

/** Steps whose changes become one layer. */
interface Group {
  readonly createdBy: string;
}

interface Placed {
  readonly statement: Statement;
  readonly group: Group;
}

interface PlacedStep {
  readonly step: Step;
  readonly group: Group;
}

function placeStatements(
  { stage, start, sections, end }: StageStatements,
  layers: CekitOptions['layers'],
  printing: Printing,
): readonly Placed[] {
  const whole: Group = { createdBy: `image ${stage.name.text}:${stage.version.text}` };
  const parts = sections.map(({ section, module, statements }) => ({
    group: module ? { createdBy: `module ${section.name}:${section.version}` } : whole,
    statements,
  }));
  const before = { group: parts[0]?.group ?? whole, statements: start };
  const groupOf = (statement: Statement, ofModule: Group): Group => {
    switch (layers) {
      case 'one':
        return whole;
      case 'modules':
        return ofModule;
      case 'statements':
        return { createdBy: textOf(statement, printing) };
    }
  };
  return [before, ...parts, { group: whole, statements: end }].flatMap(({ group, statements }) =>
    statements.map(statement => ({ statement, group: groupOf(statement, group) })),
  );
}

function makeSteps(placed: readonly Placed[], meaning: Meaning): readonly PlacedStep[] {
  const [first] = placed;
  const steps: PlacedStep[] =
    first === undefined
      ? []
      : predefinedArguments(first.statement.at, meaning).map(step => ({ step, group: first.group }));
  let user: Text = '0';
  for (const [i, { statement, group }] of placed.entries()) {
    if (statement.kind === 'user') user = meaning.values.word(statement.user);
    // Who runs commands, these say themselves.
    if (statement.kind === 'user' && !countsLater(placed.slice(i + 1))) continue;
    if (removedBy(statement).length > 0) continue;
    steps.push(...stepsOf(statement, user, meaning).map(step => ({ step, group })));
  }
  return steps;
}

/** Whether a user is still the user where a directory is made, or in the end. */
function countsLater(following: readonly Placed[]): boolean {
  const next = following.find(({ statement: { kind } }) => kind === 'user' || kind === 'workdir');
  return next?.statement.kind !== 'user';
}

function removedBy(statement: Statement): readonly string[] {
  return statement.kind === 'shell' ? (statement.removes ?? []) : [];
}

/**
 * Copies of one group become one step as long as nothing runs and no directory is made between them. Changes of the
 * config may be there: they mean nothing to plain absolute paths.
 */
function joinCopies(steps: readonly PlacedStep[]): readonly PlacedStep[] {
  const joined: PlacedStep[] = [];
  for (const { step, group } of steps) {
    const before = joined.findLastIndex(({ step }) => step.kind !== 'config' || step.makeWorkingDir);
    const copy = joined[before];
    const near = before === joined.length - 1 || hasPlainTargets(step);
    const isNext = step.kind === 'copy' && copy?.step.kind === 'copy' && copy.group === group && near;
    if (isNext && !mayLead(copy.step, step)) joined[before] = { step: join(copy.step, step), group };
    else joined.push({ step, group });
  }
  return joined;
}

function hasPlainTargets(step: Step): boolean {
  return (
    step.kind === 'copy' &&
    step.items.every(({ target }) => typeof target === 'string' && target.startsWith('/'))
  );
}

/** Whether links in directories that one step copies may be on the way to where another one copies to. */
function mayLead(first: CopyStep, second: CopyStep): boolean {
  const directories = first.items.filter(hasContent).map(({ target }) => target);
  return directories.some(above => second.items.some(item => isBelow(placeOf(item), above)));
}

/** Of files in images nobody knows yet what they are. */
function hasContent({ source }: CopyItem): boolean {
  return source.kind === 'image' || (source.kind === 'file' && source.directory === true);
}

/** The directory that something new is in. */
function placeOf(item: CopyItem): Text {
  const { target } = item;
  return typeof target !== 'string' || hasContent(item) ? target : posix.dirname(target);
}

function isBelow(path: Text, above: Text): boolean {
  if (typeof path !== 'string' || typeof above !== 'string') return true;
  const directory = posix.join('/', above, '/');
  const place = posix.join('/', path, '/');
  return place !== directory && place.startsWith(directory);
}

function join(first: CopyStep, second: CopyStep): CopyStep {
  return {
    ...first,
    items: [...first.items, ...second.items],
    createdBy: `${first.createdBy}; ${second.createdBy}`,
  };
}

/** Neighbours of one group, counted. */
function groupsOf(steps: readonly PlacedStep[]): Squash['groups'] {
  const counts = new Map<Group, number>();
  for (const { group } of steps) counts.set(group, (counts.get(group) ?? 0) + 1);
  return [...counts].map(([{ createdBy }, steps]) => ({ steps, createdBy }));
}
