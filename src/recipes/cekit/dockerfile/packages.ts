/** The words of the package managers: what removes, installs and looks for packages in the image being built. */
import type { PackageManager, Section, Stage } from '../model.ts';

/** A line of a shell command that is written over several; all of them joined by spaces are the command. */
export interface ShellLine {
  readonly text: string;
  readonly about?: string;
  /** It belongs to the line before. */
  readonly nested?: true;
}

interface Words {
  readonly flags: readonly string[];
  /** What has to run once before anything else, where the descriptor says nothing of flags. */
  readonly refresh?: string;
  readonly remove: string;
  readonly install: string;
  readonly reinstall: string;
  readonly query: string;
  readonly clean: string;
}

const rpmWords = { remove: 'remove -y', install: 'install -y', reinstall: 'reinstall -y', query: 'rpm -q' };
const noDocs = '--setopt=tsflags=nodocs';

const vocabulary: Readonly<Record<PackageManager, Words>> = {
  yum: { ...rpmWords, flags: [noDocs], clean: 'yum clean all' },
  dnf: { ...rpmWords, flags: [noDocs], clean: 'dnf clean all' },
  microdnf: { ...rpmWords, flags: ['--setopt=install_weak_deps=0', noDocs], clean: 'microdnf clean all' },
  'apt-get': {
    flags: ['--no-install-recommends'],
    refresh: 'apt-get update',
    remove: 'remove -y',
    install: 'install -y',
    reinstall: '--reinstall install -y',
    query: 'dpkg-query --list',
    clean: 'apt-get clean',
  },
  apk: {
    flags: [],
    remove: 'del',
    install: 'add',
    reinstall: 'fix --reinstall',
    query: 'apk info -e',
    // apk caches nothing unless it is told to.
    clean: ':',
  },
};

const caches = 'rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf"';

/** Whether the section changes packages at all. */
export function hasPackages({ remove, install, reinstall }: Section): boolean {
  return remove.length + install.length + reinstall.length > 0;
}

/** Whether the package manager leaves something in the image that is to be removed at its end. */
export function leavesCaches({ manager, modules, image }: Stage): boolean {
  // CEKit does not count what other managers reinstall.
  const countsReinstalled = ['yum', 'dnf', 'microdnf'].includes(manager);
  return [...modules, image].some(
    ({ remove, install, reinstall }) =>
      remove.length + install.length > 0 || (countsReinstalled && reinstall.length > 0),
  );
}

/** Removes what package managers keep of lists and packages. */
export function cleanUp({ manager }: Stage): readonly ShellLine[] {
  return [{ text: vocabulary[manager].clean }, { text: `&& ${caches}` }];
}

/** Installs a package that makes a repository known. */
export function installRepository(stage: Stage, rpm: string): readonly ShellLine[] {
  return [{ text: `${operation(stage, 'install')} ${oneLine(rpm)}` }];
}

/** Removes, installs and reinstalls what a section asks for, and checks that it is there. */
export function changePackages(
  stage: Stage,
  section: Section,
  { owner, clean }: { readonly owner: string; readonly clean: boolean },
): readonly ShellLine[] {
  const { refresh, query, clean: cleaning } = vocabulary[stage.manager];
  // Flags of the descriptor take the place of all that comes by default, `update` included.
  const lines: ShellLine[] = [{ text: ':' }];
  if (refresh !== undefined && stage.managerFlags === undefined) lines.push({ text: `&& ${refresh}` });
  const titles = { remove: 'Remove', install: 'Install', reinstall: 'Reinstall' } as const;
  for (const what of ['remove', 'install', 'reinstall'] as const) {
    const packages = section[what].map(({ text }) => oneLine(text));
    if (packages.length === 0) continue;
    lines.push({
      about: `${titles[what]} packages defined in the ${owner}`,
      text: `&& ${[operation(stage, what), ...packages].join(' ')}`,
    });
    if (what === 'remove') continue;
    const names = packages.map(text => text.split('=', 1).join(''));
    lines.push({ text: `&& ${[query, ...names].join(' ')}`, nested: true });
  }
  if (clean) {
    lines.push({ about: 'Clear package manager metadata', text: `&& ${cleaning}` }, { text: `&& ${caches}` });
  }
  return [...lines, { text: '&& :' }];
}

function operation({ manager, managerFlags }: Stage, what: 'remove' | 'install' | 'reinstall'): string {
  const words = vocabulary[manager];
  const flags = managerFlags === undefined ? words.flags : [oneLine(managerFlags.text)];
  return [manager, ...flags, words[what]].filter(word => word !== '').join(' ');
}

const oneLine = (text: string): string => text.trim().replace(/\s+/g, ' ');
