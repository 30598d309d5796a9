import { describe, expect, it } from 'vitest';
import { resolved } from '../resolved.ts';

/** Modules a -> c, then b; visited in that order, installed c, a, b. */
function files(
  image: string,
  { a = '{run: {}}', b = '{run: {}}', c = '{run: {}}' } = {},
): Readonly<Record<string, string>> {
  return {
    'image.yaml': `{name: i, version: '1', from: f, ${image}, modules: {repositories: [{path: modules}], install: [{name: a}, {name: b}]}}`,
    'modules/a/module.yaml': `{name: a, version: 1, ${a.slice(1, -1)}, modules: {install: [{name: c}]}}`,
    'modules/b/module.yaml': `{name: b, version: 1, ${b.slice(1)}`,
    'modules/c/module.yaml': `{name: c, version: 1, ${c.slice(1)}`,
  };
}

async function runOf(...parameters: Parameters<typeof files>) {
  const { user, workdir, cmd, entrypoint } = (await resolved(files(...parameters))).description.target.run;
  return {
    user: user?.text,
    workdir: workdir?.text,
    cmd: cmd?.map(({ text }) => text),
    entrypoint: entrypoint?.map(({ text }) => text),
  };
}

describe('what an image runs', () => {
  it('is what the image says, and for the rest what the module visited last says', async () => {
    const run = await runOf('run: {cmd: [i]}', {
      a: '{run: {user: ua, workdir: /a, cmd: [a], entrypoint: [a]}}',
      c: "{run: {user: '185:0', entrypoint: [c, d]}}",
      b: '{run: {cmd: [b]}}',
    });
    expect(run).toEqual({ user: '185:0', workdir: '/a', cmd: ['i'], entrypoint: ['c', 'd'] });
  });

  it('is nothing where nobody says anything', async () => {
    expect(await runOf('run: {}')).toEqual({});
  });

  it('is not what is left empty, unless everybody does', async () => {
    const modules = {
      a: '{run: {user: u, workdir: /w, cmd: [x]}}',
      b: "{run: {user: '', workdir: '', cmd: []}}",
    };
    expect(await runOf("run: {user: '', cmd: [], entrypoint: []}", modules)).toEqual({
      user: 'u',
      workdir: '/w',
      cmd: ['x'],
      entrypoint: [],
    });
    expect(await runOf("run: {user: '', cmd: []}")).toEqual({ cmd: [] });
  });
});

describe('the help page', () => {
  const helpOf = async (...parameters: Parameters<typeof files>) => {
    const { description, cwd } = await resolved(files(...parameters));
    const { add, template } = description.target.help;
    return [add, template?.text.replace(`${cwd}/`, '')];
  };

  it('is what the module installed last wants, else the image', async () => {
    expect(await helpOf('help: {}')).toEqual([false, undefined]);
    expect(await helpOf('help: {add: true, template: t.md}')).toEqual([true, 't.md']);
    const modules = { c: '{help: {add: true, template: c.md}}', a: '{help: {add: true, template: ../a.md}}' };
    expect(await helpOf('help: {add: true, template: t.md}', modules)).toEqual([true, 'modules/a.md']);
    expect(
      await helpOf('help: {add: true, template: t.md}', { ...modules, b: '{help: {add: false}}' }),
    ).toEqual([false, undefined]);
    expect(await helpOf('help: {}', { b: '{help: {add: true, template: /t/b.md}}' })).toEqual([
      true,
      '/t/b.md',
    ]);
  });

  it('of a module may be beside the copy of the module', async () => {
    const template = { b: '{help: {add: true, template: ../../../../t.md}}' };
    const { description, cwd } = await resolved({ ...files('help: {}', template), 't.md': '' });
    expect(description.target.help.template?.text).toBe(`${cwd}/t.md`);
  });
});
