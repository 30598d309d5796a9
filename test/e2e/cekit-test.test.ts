import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { processesOf, startCommand, until } from './processes.ts';
import { busyboxLayout } from './roots.ts';
import { cekitProgram, type Ended, execute, type Project, useWorkspace } from './support.ts';

const SERVER =
  'echo "started as $ROLE by $(id -u)"; cd /tmp; echo "page of $ROLE" > index.html; httpd -f -p 8080';

/** A server, and a module with tests of its own. */
function writeImage(project: Project): void {
  const image = {
    name: 'some/app',
    version: 1,
    from: 'oci:../base:busybox',
    labels: [{ name: 'l', value: 'one two' }],
    envs: [{ name: 'ROLE', value: 'main' }],
    run: { cmd: ['sh', '-c', SERVER], user: '1001' },
    modules: { repositories: [{ name: 'own', path: 'modules' }], install: [{ name: 'm' }] },
  };
  project.write('image.yaml', JSON.stringify(image));
  project.write('modules/m/module.yaml', JSON.stringify({ name: 'm', version: 1 }));
}

const PASSING = `@some/app
Feature: the image
  Scenario: is as described
    Given image is built
    Then the image should contain label l with value one two
     And the image should have env ROLE with value main
     And file /bin/sh should exist and be a symlink
     And file /bin should exist and be a directory
     And file /etc/passwd should contain root:x
     And file /none should not exist

  Scenario Outline: serves as <role>
    When container is started with env
      | variable | value  |
      | ROLE     | <role> |
    Then container log should contain started as <role> by 1001
     And available container log should not contain started as nobody
     And check that port 8080 is open
     And check that page is served
      | property        | value          |
      | port            | 8080           |
      | path            | /index.html    |
      | expected_phrase | page of <role> |
     And file /tmp/index.html should contain page of <role>
     And files at /tmp should have count of 1
     And all files under /tmp/index.html are writeable by current user
     And run ps in container and check its output for httpd -f
     And run sh -c 'echo "$ROLE"' in container and immediately check its output for <role>
     And run nc -l -p 7000 in container and detach
     And port 7000 is open

    Examples:
      | role  |
      | one   |

  Scenario: says how often, and ends
    When container is started with args
      | arg        | value                                |
      | command    | sh -c 'echo a; echo a; pwd; id -u'   |
      | user       | 7:8                                  |
      | working_dir | /new                                |
    Then exactly 2 times container log should contain a
     And container log should match regex ^/new$
     And container log should not contain b
     And inspect container
      | path         | value |
      | /Config/User | 7:8   |

  Scenario: waits like a shell at a terminal
    When container is started with command sh
    Then run hostname in container once
     And run grep nothing /etc/passwd in container and check its output does not contain root
     And file /bin/busybox should exist
     And run id in container and check its output for uid=1001
`;

const FAILING = `@wip
Feature: wrong
  Scenario: text that does not come
    When container is started with command echo hello
    Then container log should contain nonsense
  Scenario: a value
    Then the image should contain label l with value two
  Scenario: a command
    When container is ready
    Then run false in container
  Scenario: a port
    When container is ready
    Then check that port 81 is open
  Scenario: a page
    When container is ready
    Then check that page is served
      | property | value |
      | path     | /a b  |
  Scenario: no container
    Then run true in container
  Scenario: an unknown user
    When container is started as uid nobody-there
  Scenario: an unknown step
    When container is ready
    Then it should shine
  Scenario: as it should be
    Then file /bin/busybox should exist
`;

const workspace = useWorkspace(cekitProgram);

describe.runIf(has('umoci', 'busybox'))('cekit test', () => {
  beforeAll(() => void busyboxLayout(workspace.path));

  function project(features: Readonly<Record<string, string>>): Project {
    const made = workspace.project();
    writeImage(made);
    for (const [path, text] of Object.entries(features)) made.write(path, text);
    return made;
  }

  function test(made: Project, args: readonly string[], env = {}): Promise<Ended> {
    const home = join(workspace.path, 'home');
    mkdirSync(home, { recursive: true });
    return execute(made.program, ['test', ...args, '--store', made.store], {
      cwd: made.path,
      env: made.environment({ HOME: home, BEHAVE_TIMEOUT: '30', ...env }),
    });
  }

  it('passes where everything is as features of image and modules say', async () => {
    const made = project({
      'tests/features/image.feature': PASSING,
      'tests/steps/own.py': '',
      'modules/m/tests/features/deep/module.feature':
        '@some\nFeature: module\n  Scenario: is there\n    Then file /bin should exist\n  @wip @ignore\n  Scenario: later\n    When it shines\n',
    });
    const { status, stdout, stderr } = await test(made, ['behave']);
    expect(stdout.split('\n'), stderr).toEqual([
      'passed: module: is there (modules/m/tests/features/deep/module.feature:3:3)',
      'passed: the image: is as described (tests/features/image.feature:3:3)',
      'passed: the image: serves as one (tests/features/image.feature:34:7)',
      'passed: the image: says how often, and ends (tests/features/image.feature:36:3)',
      'passed: the image: waits like a shell at a terminal (tests/features/image.feature:49:3)',
      '5 scenarios passed, 0 scenarios failed, 1 scenario skipped',
      '',
    ]);
    expect(status).toBe(0);
    expect(stderr).toContain('filesystem some/app built successfully');
    expect(stderr).toMatch(/^steps in Python cannot be run, and scenarios with them fail: .*own\.py$/m);
  });

  it('says of everything that is wrong what was found instead', async () => {
    const made = project({ 'tests/features/wrong.feature': FAILING });
    const { status, stdout, stderr } = await test(made, ['--wip'], { BEHAVE_TIMEOUT: '1' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: Test execution failed, please consult output above\n$/m);
    const file = 'tests/features/wrong.feature';
    expect(stdout.split('\n')).toEqual([
      `failed: wrong: text that does not come (${file}:3:3)`,
      `  ${file}:5:5: container log should contain nonsense`,
      '  expected the log to contain "nonsense"',
      '  the log is:',
      '    hello',
      `failed: wrong: a value (${file}:6:3)`,
      `  ${file}:7:5: the image should contain label l with value two`,
      '  expected the label l to be "two", found "one two"',
      `failed: wrong: a command (${file}:8:3)`,
      `  ${file}:10:5: run false in container`,
      '  false ended with status 1',
      '  its output is empty',
      `failed: wrong: a port (${file}:11:3)`,
      `  ${file}:13:5: check that port 81 is open`,
      '  port 81 is not open: connect ECONNREFUSED 127.0.0.1:81',
      `failed: wrong: a page (${file}:14:3)`,
      `  ${file}:16:5: check that page is served`,
      '  http://localhost:80/a b is not served: Request path contains unescaped characters',
      `failed: wrong: no container (${file}:19:3)`,
      `  ${file}:20:5: run true in container`,
      '  no container was started',
      '  hint: a step before this one may be "container is ready", or "container is started with ..."',
      `failed: wrong: an unknown user (${file}:21:3)`,
      `  ${file}:22:5: container is started as uid nobody-there`,
      '  there is no user "nobody-there" in /etc/passwd of the image',
      '  hint: create it in an earlier step, or give a number; it has root',
      `failed: wrong: an unknown step (${file}:23:3)`,
      `  ${file}:25:5: it should shine`,
      '  there is no step "it should shine"',
      expect.stringMatching(/^ {2}hint: the nearest one is ".*"$/),
      `passed: wrong: as it should be (${file}:26:3)`,
      '1 scenario passed, 8 scenarios failed, 0 scenarios skipped',
      '',
    ]);
  });

  it.each(['runc', 'builtin'])('runs containers with %s, too', async runtime => {
    if (runtime !== 'builtin' && !has(runtime)) return;
    const made = project({ 'tests/features/image.feature': PASSING });
    const args = ['--runtime', runtime, '--name', 'serves|shell'];
    const { status, stdout, stderr } = await test(made, args);
    expect(stdout, stderr).toMatch(/^2 scenarios passed, 0 scenarios failed, 2 scenarios skipped$/m);
    expect(status).toBe(0);
  });

  it('tests an image of another name without building', async () => {
    const made = project({ 'tests/features/image.feature': PASSING });
    const { status, stdout, stderr } = await test(
      made,
      ['--image', 'oci:../base:busybox', '--name', 'shell'],
      { BEHAVE_TIMEOUT: '0' },
    );
    expect(stdout, stderr).toContain(
      '  expected the output of id to contain "uid=1001"\n  its output is:\n    uid=0',
    );
    expect(status).toBe(1);
    expect(made.hasLayout()).toBe(false);
  });

  it('does nothing where there are no features', async () => {
    const { status, stdout, stderr } = await test(project({}), []);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^No test collected, test can't be run\.\n$/m);
  });

  it.each([
    [['--wip', '--name', 'x'], 'Parameters --name and --wip cannot be used together'],
    [['cucumber'], 'is invalid'],
  ])('refuses %j', async (args, message) => {
    const { status, stderr } = await test(project({}), args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('leaves nothing behind when it is killed', async () => {
    const own = workspace.project('own');
    writeImage(own);
    own.write(
      'tests/features/long.feature',
      '@some/app\nFeature: f\n  Scenario: s\n    When container is ready\n    Then container log should not contain x\n',
    );
    const test = startCommand(own, ['cekit', 'test'], { HOME: own.path, BEHAVE_TIMEOUT: '600' });
    await until(() => processesOf(own.store).some(({ command }) => command.startsWith('httpd ')));
    test.child.kill('SIGKILL');
    await test.ended;
    await until(() => processesOf(own.store).length === 0);
  });
});
