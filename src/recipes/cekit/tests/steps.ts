/** The steps that are known: their words are those of CEKit's own library of steps, and a few more. */
import { AshlarError } from '../../../support/errors.ts';
import type { Action, Find, PageAction, StartAction, ValueAction } from './actions.ts';
import type { Step } from './features.ts';

type Values = Readonly<Record<string, string>>;

interface KnownStep {
  readonly text: string;
  readonly pattern: RegExp;
  readonly action: (values: Values, step: Step) => Action;
}

const present = (text = ''): Find => ({ text, regex: false, absent: false });
const absent = (text = ''): Find => ({ text, regex: false, absent: true });

/** In the order in which they are tried. */
const STEPS: readonly KnownStep[] = [
  known(['image is built'], () => ({ kind: 'nothing' })),
  known(['container is ready', 'container is started'], () => start({})),
  known(
    ['container is started with env with process {process}', 'container is started with env'],
    (_, { rows }) => start({ environment: environmentOf(rows) }),
  ),
  known(['container is started with args and env'], (_, step) => startWithBoth(step)),
  known(['container is started with args'], (_, step) =>
    withArguments(
      step.rows.map(({ arg = '', value = '' }) => [arg, value]),
      {},
      step,
    ),
  ),
  known(['container is started with entrypoint {entrypoint}'], ({ entrypoint = '' }) =>
    start({ entrypoint }),
  ),
  known(['container is started with command {command}'], ({ command = '' }, { rows }) =>
    start({ command, environment: environmentOf(rows), waits: true }),
  ),
  known(
    ['container is started as uid {user} with process {process}', 'container is started as uid {user}'],
    ({ user = '' }) => start({ user }),
  ),

  known(['container log should match regex {text}'], ({ text = '' }, step) => ({
    kind: 'log',
    find: { text: expression(text, step), regex: true, absent: false },
    once: false,
  })),
  known(['exactly {times} times container log should contain {text}'], ({ times, text }, step) => ({
    kind: 'log',
    find: present(text),
    times: wholeNumber(times, step),
    once: false,
  })),
  known(['container log should contain {text}'], ({ text }) => ({
    kind: 'log',
    find: present(text),
    once: false,
  })),
  known(['container log should not contain {text}'], ({ text }) => ({
    kind: 'log',
    find: absent(text),
    once: false,
  })),
  known(['available container log should contain {text}'], ({ text }) => ({
    kind: 'log',
    find: present(text),
    once: true,
  })),
  known(['available container log should not contain {text}'], ({ text }) => ({
    kind: 'log',
    find: absent(text),
    once: true,
  })),

  known(
    [
      'run {command} in container and immediately check its output for {text}',
      'run {command} in container and immediately check its output contains {text}',
    ],
    ({ command = '', text }) => ({ kind: 'run', command, find: present(text), once: true }),
  ),
  known(
    [
      'run {command} in container and immediately check its output does not contain {text}',
      'run {command} in container and check its output does not contain {text}',
    ],
    ({ command = '', text }) => ({ kind: 'run', command, find: absent(text), once: true }),
  ),
  known(
    [
      'run {command} in container and check its output for {text}',
      'run {command} in container and check its output contains {text}',
    ],
    ({ command = '', text }) => ({ kind: 'run', command, find: present(text), once: false }),
  ),
  known(['run {command} in container and detach'], ({ command = '' }) => ({ kind: 'detach', command })),
  known(['run {command} in container once', 'run {command} in container'], ({ command = '' }) => ({
    kind: 'run',
    command,
    once: true,
  })),

  known(['file {path} should exist and be a {type}', 'file {path} should exist'], ({ path = '', type }) => ({
    kind: 'file',
    path,
    absent: false,
    ...(type !== undefined && { type }),
  })),
  known(['file {path} should not exist'], ({ path = '' }) => ({ kind: 'file', path, absent: true })),
  known(['file {path} should contain {text}'], ({ path = '', text }) => ({
    kind: 'content',
    path,
    find: present(text),
  })),
  known(['file {path} should not contain {text}'], ({ path = '', text }) => ({
    kind: 'content',
    path,
    find: absent(text),
  })),
  known(['files at {path} should have count of {count}'], ({ path = '', count }, step) => ({
    kind: 'count',
    path,
    count: wholeNumber(count, step),
  })),
  known(['all files under {path} are writeable by current user'], ({ path = '' }) => ({
    kind: 'writeable',
    path,
  })),

  known(['check that page is served'], (_, step) => page(step, false)),
  known(['check that page is not served'], (_, step) => page(step, true)),
  known(
    ['check that port {port} is open', 'port {port} is open', 'port {port} should be open'],
    ({ port }, step) => ({
      kind: 'port',
      port: wholeNumber(port, step),
    }),
  ),

  ...valueSteps('label'),
  ...valueSteps('env'),
  known(['image should contain {count} layers'], ({ count }, step) => ({
    kind: 'layers',
    count: wholeNumber(count, step),
  })),
  known(['inspect container'], (_, { rows }) => ({
    kind: 'inspect',
    expected: rows.map(({ path = '', value = '' }) => ({ path, value })),
  })),
  known(['define variable'], (_, { rows }) => ({ kind: 'define', variables: environmentOf(rows) })),
].flat();

/**
 * What a step asks for.
 * @throws AshlarError for a step that nobody knows, or whose values make no sense.
 */
export function readStep(step: Step): Action {
  for (const { pattern, action } of STEPS) {
    const match = pattern.exec(step.text);
    if (match) return action({ ...match.groups }, step);
  }
  throw new AshlarError(`there is no step "${step.text}"`, {
    at: step.at,
    hint: `the nearest one is "${nearest(step.text)}"`,
  });
}

/** Texts of which the first that fits counts; letters of both cases are the same, as behave has it. */
function known(texts: readonly string[], action: KnownStep['action']): readonly KnownStep[] {
  return texts.map(text => {
    const source = text.replaceAll(' ', '\\s+').replaceAll(/\{(\w+)\}/g, '(?<$1>.+?)');
    return { text, pattern: new RegExp(`^${source}$`, 'is'), action };
  });
}

/** The step that has the most words in common. */
function nearest(text: string): string {
  const words = new Set(text.toLowerCase().split(/\s+/));
  const likeness = (step: KnownStep) => {
    const own = step.text.split(' ').filter(word => !word.startsWith('{'));
    return (2 * own.filter(word => words.has(word)).length) / (own.length + words.size);
  };
  return STEPS.reduce((best, step) => (likeness(step) > likeness(best) ? step : best)).text;
}

function start(changes: Partial<StartAction>): StartAction {
  return { kind: 'start', environment: {}, waits: false, ignored: [], ...changes };
}

function environmentOf(rows: Step['rows']): Values {
  return Object.fromEntries(rows.map(({ variable = '', value = '' }) => [variable, value]));
}

/** Rows of which the first column begins with what they are. */
function startWithBoth(step: Step): StartAction {
  const given: (readonly [name: string, value: string])[] = [];
  const environment: Record<string, string> = {};
  for (const { arg_env: name = '', value = '' } of step.rows) {
    if (name.startsWith('arg')) given.push([name.replace('arg_', ''), value]);
    else if (name.startsWith('env')) environment[name.replace('env_', '')] = value;
    else throw new AshlarError(`neither an argument nor a variable: ${name}`, { at: step.at });
  }
  return withArguments(given, environment, step);
}

/** Arguments of docker's way to make a container. */
function withArguments(
  given: readonly (readonly [name: string, value: string])[],
  environment: Values,
  { at }: Step,
): StartAction {
  const {
    command,
    entrypoint,
    user,
    working_dir: directory,
    env_json: json,
    ...others
  } = Object.fromEntries(given);
  return start({
    environment: { ...environment, ...(json !== undefined && variablesOf(json, at)) },
    ...(command !== undefined && { command }),
    ...(entrypoint !== undefined && { entrypoint }),
    ...(user !== undefined && { user }),
    ...(directory !== undefined && { directory }),
    ignored: Object.keys(others),
  });
}

function variablesOf(json: string, at: Step['at']): Values {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new AshlarError('env_json is not JSON', { at, cause });
  }
  if (typeof value !== 'object' || value === null)
    throw new AshlarError('env_json is not a JSON object', { at });
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, String(each)]));
}

function page(step: Step, isAbsent: boolean): PageAction {
  const given = Object.fromEntries(step.rows.map(({ property = '', value = '' }) => [property, value]));
  const { username, password, content_type: type, expected_phrase: phrase, wait, timeout = '0.5' } = given;
  const login = username ?? password;
  const credentials = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
  return {
    kind: 'page',
    absent: isAbsent,
    port: wholeNumber(given.port ?? '80', step),
    path: given.path ?? '/',
    method: given.request_method ?? 'GET',
    headers: {
      ...(login !== undefined && { authorization: `Basic ${credentials}` }),
      ...(type !== undefined && { 'content-type': type }),
    },
    body: given.request_body ?? '',
    status: wholeNumber(given.expected_status_code ?? '200', step),
    ...(phrase && { phrase }),
    ...(wait !== undefined && { wait: wholeNumber(wait, step) }),
    timeout: seconds(timeout, step),
  };
}

function valueSteps(kind: ValueAction['kind']): readonly KnownStep[] {
  const verb = kind === 'label' ? 'contain' : 'have';
  const begin = ['the image', 'image'].map(image => `${image} should ${verb} ${kind} {name}`);
  const asked = ({ name = '', value }: Values, whole: boolean): ValueAction => ({
    kind,
    name,
    absent: false,
    ...(value !== undefined && { value: { text: value, whole } }),
  });
  return [
    known(
      begin.map(text => `${text} with value {value}`),
      values => asked(values, true),
    ),
    known(
      begin.map(text => `${text} containing value {value}`),
      values => asked(values, false),
    ),
    known(begin, values => asked(values, true)),
    known(
      begin.map(text => text.replace('should', 'should not')),
      ({ name = '' }) => ({ kind, name, absent: true }),
    ),
  ].flat();
}

function expression(text: string, { at }: Step): string {
  try {
    return new RegExp(text, 'gm').source;
  } catch (cause) {
    throw new AshlarError(`not a regular expression: ${text}`, { at, cause });
  }
}

function wholeNumber(text: string | undefined, { at }: Step): number {
  if (text !== undefined && /^\d{1,9}$/.test(text.trim())) return Number(text);
  throw new AshlarError(`not a whole number: ${text}`, { at });
}

function seconds(text: string, { at }: Step): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new AshlarError(`not a time in seconds: ${text}`, { at });
}
