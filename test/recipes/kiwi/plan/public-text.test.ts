import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../../src/plan/types.ts';
import { complaints } from '../support.ts';
import { built, imageCalled, type Planned, preferences, stepCalled, tbzType } from './support.ts';

function keptText(plan: Plan): string {
  const [kept] = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description').changes;
  return kept?.kind === 'file' ? kept.text : '';
}

/** What is said to be left out. */
function missing({ warnings }: Planned): readonly string[] {
  const end = ': the description in the image is without it';
  return warnings.filter(text => text.endsWith(end)).map(text => text.slice(0, -end.length));
}

describe('the description in the image', () => {
  it('is without repositories of this machine, and has the files beside it that it needs', async () => {
    const elements = [
      preferences(tbzType),
      '<repository alias="here"><source path="this://packages"/></repository>',
      '<repository alias="d" customize="tools/edit.sh"><source path="http://d.example"><signing key="this://keys/d.asc"/><signing key="this://../elsewhere.asc"/></source></repository>',
      '<certificates target_distribution="debian"><certificate name="ca.crt"/></certificates>',
    ];
    const files = { 'tools/edit.sh': '', 'keys/d.asc': '', 'ca.crt': '', 'packages/Packages': '' };
    const plan = await built({ elements, files });
    const { steps } = imageCalled(plan, 'n');
    const { items } = stepCalled(steps, 'copy', 'files of the description');
    expect(items.map(({ target }) => target).sort()).toEqual([
      '/image/ca.crt',
      '/image/keys/d.asc',
      '/image/tools/edit.sh',
    ]);
    const text = keptText(plan);
    expect(text).toContain('this://keys/d.asc');
    expect(text).not.toMatch(/this:\/\/packages|elsewhere/);
    expect(await complaints(text)).toEqual([]);
    expect(plan.warnings.filter(text => text.includes('stays on this machine'))).toEqual([
      'this://packages stays on this machine: the description in the image is without it',
      '../elsewhere.asc stays on this machine: the description in the image is without it',
    ]);
  });

  it('is in order where all certificates are elsewhere', async () => {
    const elements = [
      preferences(tbzType),
      '<certificates target_distribution="debian"><certificate name="../ca.crt"/></certificates>',
    ];
    const plan = await built({ elements });
    const text = keptText(plan);
    expect(await complaints(text)).toEqual([]);
  });

  it('has no passphrase', async () => {
    const crypted =
      '<type image="oem" filesystem="ext4" luks="topsecret" luks_version="luks2"><luksformat><option name="a"/></luksformat></type>';
    const plan = await built({ elements: [preferences(`<type image="tbz" primary="true"/>${crypted}`)] });
    const text = keptText(plan);
    expect(JSON.stringify(plan)).not.toContain('topsecret');
    expect(text).toContain('luks_version="luks2"');
    expect(await complaints(text)).toEqual([]);
  });

  it('does not say who may read repositories', async () => {
    const secret =
      '<repository alias="p" username="me" password="pass-word"><source path="http://p.example"/></repository>';
    const plan = await built({ elements: [preferences(tbzType), secret] });
    const { changes } = stepCalled(imageCalled(plan, 'n').steps, 'setup', 'description');
    expect(changes[0]).toMatchObject({ text: expect.stringContaining('<repository alias="p">') });
    expect(JSON.stringify(changes)).not.toContain('pass-word');

    const written =
      '<repository alias="q" imageinclude="true"><source path="http://me:pass%2Fword@q.example/r"><signing key="http://me:pass%2Fword@q.example/k"/></source></repository>';
    const other = await built({
      elements: [preferences(tbzType), '<packages type="image"><package name="p"/></packages>', written],
    });
    const { changes: kept, ...rest } = stepCalled(imageCalled(other, 'n').steps, 'setup', 'description');
    expect(kept[0]).toMatchObject({ text: expect.stringContaining('<signing key="http://q.example/k"/>') });
    const { steps } = imageCalled(other, 'n');
    const setup = steps.filter(({ kind }) => kind === 'setup');
    expect(JSON.stringify([kept, rest, setup])).not.toContain('word');
    expect(JSON.stringify(setup)).toContain('http://q.example/r');
    const packages = steps.find(step => step.kind === 'packages');
    expect(packages?.repositories).toMatchObject([
      { url: 'http://q.example/r', credentials: { user: 'me', password: 'pass/word' } },
    ]);
  });

  it('is without what lies elsewhere on this machine, wherever that is', async () => {
    const plannedWith = async (local: string) => {
      const elements = [
        preferences(tbzType),
        `<repository alias="here"><source path="${local}"/></repository>`,
        `<repository alias="d"><source path="http://d.example"><signing key="${local}/key.asc"/></source></repository>`,
      ];
      return built({ elements });
    };
    const texts = [];
    for (const local of ['dir:///srv/one', 'file:/srv/two', '/srv/three']) {
      const plan = await plannedWith(local);
      expect(missing(plan)).toEqual([
        `${local} stays on this machine`,
        `${local}/key.asc stays on this machine`,
      ]);
      texts.push(keptText(plan));
    }
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('<source path="http://d.example">');
    expect(await complaints(texts[0] ?? '')).toEqual([]);
    expect(texts[0]).not.toContain('srv');
  });

  it('keeps a repository whose script lies elsewhere', async () => {
    const repository = (alias: string) =>
      `<repository ${alias} customize="../edit.sh"><source path="http://me:word@d.example"/></repository>`;
    const plan = await built({ elements: [preferences(tbzType), repository('alias="d"'), repository('')] });
    expect(missing(plan)).toEqual([
      '../edit.sh, which customizes the repository d, stays on this machine',
      '../edit.sh, which customizes the repository http://d.example, stays on this machine',
    ]);
    expect(keptText(plan)).toContain('<repository alias="d">');
    expect(keptText(plan)).not.toContain('customize');
  });

  it('has keys of the release beside it, and says which files are not there', async () => {
    const repository = (alias: string, key: string, more = '') =>
      `<repository alias="${alias}"${more}><source path="http://d.example"><signing key="this://${key}"/></source></repository>`;
    const elements = [
      preferences(tbzType, '<release-version>15.6</release-version>'),
      repository('d', 'keys/$releasever.asc'),
      repository('m', 'keys/missing.asc', ' customize="gone.sh"'),
      '<certificates target_distribution="debian"><certificate name="keys"/></certificates>',
    ];
    const plan = await built({ elements, files: { 'keys/15.6.asc': '' } });
    const { items } = stepCalled(imageCalled(plan, 'n').steps, 'copy', 'files of the description');
    expect(items.map(({ target }) => target)).toEqual(['/image/keys/15.6.asc']);
    expect(keptText(plan)).toContain('this://keys/$releasever.asc');
    expect(keptText(plan)).not.toMatch(/missing|gone|certificate/);
    expect(missing(plan)).toEqual([
      'gone.sh, which customizes the repository m, is no file',
      'keys/missing.asc is no file',
      'keys is no file',
    ]);
  });
});
