/** Runs scenarios of tests: what their steps ask for is done with containers of the image. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container, ContainerChanges, TestedImage } from '../../engine/index.ts';
import {
  type Action,
  readStep,
  type Scenario,
  type StartAction,
  type Step,
} from '../../recipes/cekit/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { splitShellWords } from '../../support/shellwords.ts';
import type { Log } from '../log.ts';
import { problemOfImage, problemOfInspection } from './image-checks.ts';

export interface TestContext {
  readonly image: TestedImage;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly patience: Patience;
}

/** Seconds. */
export interface Patience {
  /** Of steps that say nothing else. */
  readonly usual: number;
  /** In which a command is run again until its output is as it should be. */
  readonly commands: number;
  /** From the start of a container until what is asked for at once has to be there. */
  readonly settling: number;
}

/** Why a scenario has failed: the step, and what is wrong. */
export interface Failure {
  readonly step: Step;
  readonly error: AshlarError;
}

/** Undefined when all its steps are as they should be. Its containers end with it. */
export async function runScenario({ steps }: Scenario, context: TestContext): Promise<Failure | undefined> {
  const actions: (readonly [Step, Action])[] = [];
  // Nothing is started for a scenario that cannot be run to its end.
  for (const step of steps) {
    const action = attempt(() => readStep(step));
    if (action instanceof AshlarError) return { step, error: action };
    actions.push([step, action]);
  }
  await using stage = new Stage(context);
  for (const [step, action] of actions) {
    try {
      await stage.perform(action);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof AshlarError)) throw error;
      return { step, error };
    }
  }
  return undefined;
}

function attempt<T>(work: () => T): T | AshlarError {
  try {
    return work();
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
}

/** Seconds that a command is waited for. */
const COMMAND = 60;
/** Milliseconds between two tries. */
const AGAIN = 100;

/** Undefined: all is well. Otherwise what was found instead. */
type Check = () => Promise<string | undefined>;

/** One scenario: its containers, of which the last one is meant. */
class Stage implements AsyncDisposable {
  readonly #context: TestContext;
  readonly #containers: { readonly container: Container; readonly started: number }[] = [];
  readonly #variables = new Map<string, string>();

  constructor(context: TestContext) {
    this.#context = context;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { container } of this.#containers) await container[Symbol.asyncDispose]();
  }

  async perform(action: Action): Promise<void> {
    const { image, patience } = this.#context;
    switch (action.kind) {
      case 'nothing':
        return;
      case 'define':
        for (const [name, value] of Object.entries(action.variables)) this.#variables.set(name, value);
        return;
      case 'start':
        return this.#start(action);
      case 'log':
        return this.#checkLog(action);
      case 'run':
        return this.#checkCommand(action);
      case 'detach':
        await this.#current.run(splitShellWords(action.command), 0);
        return;
      case 'file':
        return this.#checkFile(action);
      case 'content':
        return this.#checkContent(action);
      case 'count':
        return this.#until(this.#settled, async () => {
          const found = await this.#look(action.path);
          if (found.kind === 'nothing') return `there is no ${action.path}`;
          const names = found.kind === 'directory' ? found.names.filter(name => !name.startsWith('.')) : [''];
          return names.length === action.count
            ? undefined
            : `${action.path} has ${names.length} files, not ${action.count}`;
        });
      case 'writeable':
        return this.#checkWriteable(action.path);
      case 'port':
        return this.#until(patience.usual, async () => {
          const answer = await this.#current.ask({ port: action.port });
          return answer.kind === 'silent' ? `port ${action.port} is not open: ${answer.reason}` : undefined;
        });
      case 'page':
        return this.#checkPage(action);
      case 'inspect':
        return this.#until(0, async () => problemOfInspection(this.#current.config, action));
      default:
        return this.#until(0, async () => problemOfImage(image.config, action));
    }
  }

  get #current(): Container {
    const last = this.#containers.at(-1);
    if (last) return last.container;
    throw new AshlarError('no container was started', {
      hint: 'a step before this one may be "container is ready", or "container is started with ..."',
    });
  }

  /** Seconds until what is asked for at once has to be there; nothing changes in an image. */
  get #settled(): number {
    const last = this.#containers.at(-1);
    return last === undefined
      ? 0
      : this.#context.patience.settling - (performance.now() - last.started) / 1000;
  }

  async #start({
    environment,
    command,
    entrypoint,
    user,
    directory,
    waits,
    ignored,
  }: StartAction): Promise<void> {
    const { image, log } = this.#context;
    for (const name of ignored)
      log('warning', `the argument ${name} of a container means nothing here and is ignored`);
    const changes: ContainerChanges = {
      environment,
      waits,
      ...(command !== undefined && { command: splitShellWords(command) }),
      ...(entrypoint !== undefined && { entrypoint: splitShellWords(entrypoint) }),
      ...(user !== undefined && { user }),
      ...(directory !== undefined && { directory }),
    };
    this.#containers.push({ container: await image.start(changes), started: performance.now() });
  }

  async #checkLog({ find, times, once }: Extract<Action, { kind: 'log' }>): Promise<void> {
    const container = this.#current;
    const count = () => occurrences(container.log, find);
    const often = times === undefined ? '' : ` ${times} times`;
    const wanted = `the log ${find.absent ? 'not ' : ''}to contain${often} "${find.text}"`;
    const complaint = () => `expected ${wanted}${endOf(container.log, 'the log')}`;
    const { usual } = this.#context.patience;
    // What is not to come may come later.
    if (find.absent)
      return this.#never(once ? 0 : usual, async () => (count() > 0 ? complaint() : undefined));
    if (times !== undefined) {
      await this.#never(usual, async () => (count() > times ? complaint() : undefined));
      if (count() !== times) throw new AshlarError(complaint());
      return;
    }
    return this.#until(once ? this.#settled : usual, async () => (count() === 0 ? complaint() : undefined));
  }

  async #checkCommand({ command, find, once }: Extract<Action, { kind: 'run' }>): Promise<void> {
    const container = this.#current;
    const words = splitShellWords(command);
    const check: Check = async () => {
      const result = await container.run(words, COMMAND * 1000);
      if (result.kind === 'none')
        return `the container has ended (status ${result.status}): ${command} cannot be run${endOf(container.log, 'its log')}`;
      const output = endOf(result.text, 'its output');
      if (result.kind === 'going-on') return `${command} did not end in ${COMMAND} s${output}`;
      // What fails says nothing that it should not, which is all that is asked.
      if (result.status !== 0 && !find?.absent)
        return `${command} ended with status ${result.status}${output}`;
      if (find === undefined || occurrences(result.text, find) > 0 !== find.absent) return undefined;
      return `expected the output of ${command} ${find.absent ? 'not ' : ''}to contain "${find.text}"${output}`;
    };
    if (find === undefined || find.absent) return this.#until(0, check);
    return this.#until(once ? this.#settled : this.#context.patience.commands, check);
  }

  async #checkFile({ path, type, absent }: Extract<Action, { kind: 'file' }>): Promise<void> {
    return this.#until(absent ? 0 : this.#settled, async () => {
      const found = await this.#look(path);
      if (absent) return found.kind === 'nothing' ? undefined : `${path} is there`;
      if (found.kind === 'nothing') return `there is no ${path}`;
      const is = type === undefined || (type === 'symlink' ? found.link : type === found.kind);
      return is ? undefined : `${path} is a ${found.link ? 'symlink to a ' : ''}${found.kind}, not a ${type}`;
    });
  }

  async #checkContent({ path, find }: Extract<Action, { kind: 'content' }>): Promise<void> {
    const place = this.#variables.get(path.slice(1)) ?? path;
    return this.#until(find.absent ? 0 : this.#settled, async () => {
      const found = await this.#look(place, true);
      if (found.kind !== 'file') {
        if (find.absent && found.kind === 'nothing') return undefined;
        return found.kind === 'nothing' ? `there is no ${place}` : `${place} is no file`;
      }
      const { text = '' } = found;
      if (occurrences(text, find) > 0 !== find.absent) return undefined;
      return `expected ${place} ${find.absent ? 'not ' : ''}to contain "${find.text}"${endOf(text, 'it')}`;
    });
  }

  async #checkWriteable(path: string): Promise<void> {
    const container = this.#current;
    const output = async (...words: readonly string[]) => {
      const result = await container.run(words, COMMAND * 1000);
      if (result.kind === 'ended' && result.status === 0) return result.text.trim();
      throw new AshlarError(`cannot run ${words.join(' ')} in the container`);
    };
    const [user, group] = [await output('id', '-u'), await output('id', '-g')];
    const mayWrite = `( -user ${user} -perm -u=w ) -o ( -group ${group} -perm -g=w )`.split(' ');
    const others = await output('find', path, '!', '(', ...mayWrite, ')', '-print');
    if (others !== '')
      throw new AshlarError(
        `user ${user} of group ${group} may not write all of ${path}${endOf(others, 'the list')}`,
      );
  }

  async #checkPage(action: Extract<Action, { kind: 'page' }>): Promise<void> {
    const { port, path, method, headers, body, status, phrase, timeout, absent } = action;
    const container = this.#current;
    const { wait = this.#context.patience.usual } = action;
    const question = { port, path, method, headers, body, patience: timeout * 1000 };
    const url = `http://localhost:${port}${path}`;
    const check: Check = async () => {
      const answer = await container.ask(question);
      if (answer.kind !== 'page')
        return `${url} is not served${answer.kind === 'silent' ? `: ${answer.reason}` : ''}`;
      if (answer.status !== status) return `${url} has the status ${answer.status}, not ${status}`;
      if (phrase === undefined || answer.text.includes(phrase)) return undefined;
      return `expected ${url} to contain "${phrase}"${endOf(answer.text, 'it')}`;
    };
    if (!absent) return this.#until(wait, check);
    return this.#never(wait, async () => ((await check()) === undefined ? `${url} is served` : undefined));
  }

  /** Of the last container; of the image where there is none. */
  #look(path: string, withText = false): ReturnType<TestedImage['look']> {
    return (this.#containers.at(-1)?.container ?? this.#context.image).look(path, withText);
  }

  /** Checks until all is well. @throws AshlarError when time is up, or nothing can change any more. */
  #until(seconds: number, check: Check): Promise<void> {
    return this.#repeat(seconds, check, problem => problem === undefined);
  }

  /** Checks as long as something may go wrong. @throws AshlarError as soon as it does. */
  #never(seconds: number, check: Check): Promise<void> {
    return this.#repeat(seconds, check, problem => problem !== undefined);
  }

  async #repeat(
    seconds: number,
    check: Check,
    isDecided: (problem: string | undefined) => boolean,
  ): Promise<void> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const isLast = performance.now() >= end || (await this.#isOver());
      const problem = await check();
      if (isLast || isDecided(problem)) {
        if (problem === undefined) return;
        throw new AshlarError(problem);
      }
      await sleep(AGAIN, undefined, { signal: this.#context.signal });
    }
  }

  /** Whether what is looked at is as it will stay. */
  async #isOver(): Promise<boolean> {
    const last = this.#containers.at(-1);
    return last === undefined || (await last.container.ended()) !== undefined;
  }
}

function occurrences(
  text: string,
  { text: wanted, regex }: { readonly text: string; readonly regex: boolean },
): number {
  return regex ? [...text.matchAll(new RegExp(wanted, 'gm'))].length : text.split(wanted).length - 1;
}

/** The last lines of a text, for people. */
function endOf(text: string, what: string): string {
  const lines = text.trimEnd().split('\n');
  if (text.trim() === '') return `\n${what} is empty`;
  const shown = lines.slice(-10).map(line => `  ${line}`);
  return `\n${what}${lines.length > shown.length ? ' ends with' : ' is'}:\n${shown.join('\n')}`;
}
