/** What is brought together by its meaning. Whoever comes first answers for a path. */
import type { Merger } from '../merger.ts';
import { accounts } from './accounts.ts';
import { alternatives } from './alternatives.ts';
import { apk } from './apk.ts';
import { certificates } from './certificates.ts';
import { debconf } from './debconf.ts';
import { derived } from './derived.ts';
import { dnfHistory, dnfState } from './dnf.ts';
import { dpkg } from './dpkg.ts';
import { libraryCache } from './library-cache.ts';
import { lists } from './lists.ts';
import { logs } from './logs.ts';
import { pacman } from './pacman.ts';
import { rpm } from './rpm.ts';
import { systemd } from './systemd.ts';

export const mergers: readonly Merger[] = [
  ...[dpkg, alternatives, debconf, rpm, dnfHistory, dnfState, apk, pacman],
  ...[accounts, certificates, systemd, libraryCache],
  ...[lists, logs, derived],
];
