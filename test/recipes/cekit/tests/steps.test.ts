import { describe, expect, it } from 'vitest';
import type { Action } from '../../../../src/recipes/cekit/tests/actions.ts';
import type { Step } from '../../../../src/recipes/cekit/tests/features.ts';
import { readStep } from '../../../../src/recipes/cekit/tests/steps.ts';

const at = { file: 'f', line: 1, column: 1 };
const read = (text: string, rows: Step['rows'] = []) => readStep({ text, rows, at });
const log = { kind: 'log', once: false } as const;
const find = (text: string, absent = false) => ({ text, regex: false, absent });
const label = { kind: 'label', name: 'l', absent: false } as const;

describe('a step', () => {
  it.each<[text: string, action: Action | object]>([
    ['image is built', { kind: 'nothing' }],
    ['container is ready', { kind: 'start', environment: {}, waits: false }],
    ['Container  is Ready', { kind: 'start' }],
    ['container is started with command bash -l', { kind: 'start', command: 'bash -l', waits: true }],
    ['container is started with entrypoint /x', { kind: 'start', entrypoint: '/x' }],
    ['container is started as uid 26458 with process java', { kind: 'start', user: '26458' }],
    ['container is started as uid 26458', { kind: 'start', user: '26458' }],
    ['container log should contain a should contain b', { ...log, find: find('a should contain b') }],
    ['container log should not contain a', { ...log, find: find('a', true) }],
    ['available container log should contain a', { ...log, find: find('a'), once: true }],
    ['available container log should not contain a', { ...log, find: find('a', true), once: true }],
    [
      'container log should match regex ^a.*$',
      { ...log, find: { text: '^a.*$', regex: true, absent: false } },
    ],
    ['exactly 2 times container log should contain a', { ...log, find: find('a'), times: 2 }],
    ['run a b in container', { kind: 'run', command: 'a b', once: true }],
    ['run a in container once', { kind: 'run', command: 'a', once: true }],
    ['run a in container and detach', { kind: 'detach', command: 'a' }],
    [
      'run a in container and check its output for b c',
      { kind: 'run', command: 'a', find: find('b c'), once: false },
    ],
    [
      'run a in container and check its output contains b',
      { kind: 'run', command: 'a', find: find('b'), once: false },
    ],
    [
      'run a in container and immediately check its output for b',
      { kind: 'run', command: 'a', find: find('b'), once: true },
    ],
    [
      'run a in container and immediately check its output does not contain b',
      { kind: 'run', command: 'a', find: find('b', true), once: true },
    ],
    [
      'run a in container and check its output does not contain b',
      { kind: 'run', command: 'a', find: find('b', true), once: true },
    ],
    ['file /a should exist', { kind: 'file', path: '/a', absent: false }],
    [
      'file /a should exist and be a directory',
      { kind: 'file', path: '/a', type: 'directory', absent: false },
    ],
    ['file /a should not exist', { kind: 'file', path: '/a', absent: true }],
    ['file /a should contain b', { kind: 'content', path: '/a', find: find('b') }],
    ['file /a should not contain b', { kind: 'content', path: '/a', find: find('b', true) }],
    ['files at /a should have count of 3', { kind: 'count', path: '/a', count: 3 }],
    ['all files under /a are writeable by current user', { kind: 'writeable', path: '/a' }],
    ['check that port 80 is open', { kind: 'port', port: 80 }],
    ['port 80 is open', { kind: 'port', port: 80 }],
    ['the image should contain label l', label],
    ['the image should contain label l with value a b', { ...label, value: { text: 'a b', whole: true } }],
    ['image should contain label l containing value a', { ...label, value: { text: 'a', whole: false } }],
    ['the image should not contain label l', { ...label, absent: true }],
    [
      'the image should have env l with value a',
      { ...label, kind: 'env', value: { text: 'a', whole: true } },
    ],
    ['image should not have env l', { ...label, kind: 'env', absent: true }],
    ['image should contain 4 layers', { kind: 'layers', count: 4 }],
  ])('is understood: %s', (text, action) => {
    expect(read(text)).toMatchObject(action);
  });

  it('reads what its table says', () => {
    const rows = [{ variable: 'A', value: '1' }];
    expect(read('container is started with env', rows)).toMatchObject({ environment: { A: '1' } });
    expect(read('container is started with env with process x', rows)).toMatchObject({
      environment: { A: '1' },
    });
    expect(read('define variable', rows)).toEqual({ kind: 'define', variables: { A: '1' } });
    expect(
      read('container is started with args', [
        { arg: 'command', value: 'a b' },
        { arg: 'env_json', value: '{"A": 1}' },
        { arg: 'working_dir', value: '/w' },
        { arg: 'mem_limit', value: '1g' },
      ]),
    ).toMatchObject({ command: 'a b', environment: { A: '1' }, directory: '/w', ignored: ['mem_limit'] });
    expect(
      read('container is started with args and env', [
        { arg_env: 'arg_user', value: '7' },
        { arg_env: 'env_A', value: '1' },
      ]),
    ).toMatchObject({ user: '7', environment: { A: '1' } });
    expect(read('inspect container', [{ path: '/Config/User', value: '1' }])).toEqual({
      kind: 'inspect',
      expected: [{ path: '/Config/User', value: '1' }],
    });
    expect(
      read('check that page is served', [
        { property: 'port', value: '8080' },
        { property: 'path', value: '/x?y' },
        { property: 'username', value: 'a' },
        { property: 'password', value: 'b' },
        { property: 'expected_status_code', value: '401' },
        { property: 'wait', value: '5' },
      ]),
    ).toEqual({
      kind: 'page',
      absent: false,
      port: 8080,
      path: '/x?y',
      method: 'GET',
      headers: { authorization: 'Basic YTpi' },
      body: '',
      status: 401,
      wait: 5,
      timeout: 0.5,
    });
    expect(read('check that page is not served')).toMatchObject({ absent: true, port: 80, status: 200 });
  });

  it.each([
    [
      'container is raedy',
      'there is no step "container is raedy"',
      'the nearest one is "container is ready"',
    ],
    [
      'file /a should be there',
      'there is no step "file /a should be there"',
      'the nearest one is "file {path} should exist and be a {type}"',
    ],
    ['check that port http is open', 'not a whole number: http', undefined],
    ['container log should match regex (', 'not a regular expression: (', undefined],
  ])('that cannot be understood says why: %s', (text, message, hint) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ message, hint, at }));
  });

  it('does not take any table', () => {
    expect(() => read('container is started with args and env', [{ arg_env: 'x', value: '' }])).toThrow(
      'neither an argument nor a variable: x',
    );
    expect(() => read('container is started with args', [{ arg: 'env_json', value: '{' }])).toThrow(
      'is not JSON',
    );
    expect(() => read('check that page is served', [{ property: 'timeout', value: 'x' }])).toThrow(
      'not a time in seconds: x',
    );
  });
});
