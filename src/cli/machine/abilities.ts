/** What is found out by trying: namespaces, overlay mounts, runtimes; and which user ids there are. */
import { type Abilities, probeAbilities } from '../../engine/index.ts';
import { detectIdMap, namespaceCure, namespaceObstacle } from '../../sandbox/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { STORE_CURE, unfitStore } from './file-systems.ts';
import type { Finding } from './finding.ts';

export function findUserIds(): Finding {
  const idMap = detectIdMap();
  const subject = 'user ids';
  switch (idMap.kind) {
    case 'host':
      return { subject, state: 'ok', detail: 'all (root)', required: false };
    case 'ranges':
      return {
        subject,
        state: 'ok',
        detail: 'subordinate ids of /etc/subuid and /etc/subgid',
        required: false,
      };
    case 'single':
      return {
        subject,
        state: 'degraded',
        detail: `only one, so that owners cannot be kept: ${idMap.reason}`,
        cure: idMap.cure,
        required: false,
      };
  }
}

/** Starts a process in namespaces of our own, and mounts and runs something in there. */
export async function findAbilities(store: string): Promise<readonly Finding[]> {
  const subject = 'namespaces';
  let abilities: Abilities;
  try {
    abilities = await probeAbilities(store, () => {});
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const detail = namespaceObstacle()?.what ?? error.message;
    return [{ subject, state: 'missing', detail, cure: namespaceCure(), required: true }];
  }
  return [
    { subject, state: 'ok', detail: 'mounts and processes of our own', required: true },
    overlayFinding(abilities, store),
    runtimeFinding(abilities),
  ];
}

function overlayFinding({ overlayProblem }: Abilities, store: string): Finding {
  const subject = 'overlay';
  if (overlayProblem === undefined)
    return { subject, state: 'ok', detail: 'layers can be mounted and changed', required: true };
  return {
    subject,
    state: 'missing',
    detail: unfitStore(store) ?? overlayProblem,
    cure: `${STORE_CURE}; builds need Linux 5.12`,
    required: true,
  };
}

function runtimeFinding({ runtime, refusals }: Abilities): Finding {
  const subject = 'runtime';
  if (runtime !== 'builtin')
    return { subject, state: 'ok', detail: [runtime, ...refusals].join('; '), required: false };
  return {
    subject,
    state: 'degraded',
    detail: ['built-in runner, with less isolation', ...refusals].join('; '),
    cure: 'apt install crun | dnf install crun | zypper install crun',
    required: false,
  };
}
