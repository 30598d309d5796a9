/** Files about which nobody needs to be asked: caches that programs make anew, and traces of the time of building. */
import type { Merger } from '../merger.ts';
import { dropped, joined, NOTHING } from './texts.ts';

/** Programs work without them, and would take them for caches of what is no longer there. */
const CACHES: readonly RegExp[] = [
  /^\/var\/cache\/apt\/[^/]+\.bin$/,
  /^\/var\/cache\/fontconfig\//,
  /^\/var\/cache\/man\//,
  /^\/usr\/share\/icons\/[^/]+\/icon-theme\.cache$/,
];

/** Either version will do. */
const TRACES: readonly RegExp[] = [
  /^\/etc\/machine-id$/,
  /^\/var\/lib\/dbus\/machine-id$/,
  /^\/var\/lib\/systemd\/random-seed$/,
  // Python checks them against the times of their sources.
  /\/__pycache__\/[^/]+\.pyc$/,
  /^\/var\/lib\/apt\/(?:lists|periodic)\//,
  /^\/var\/cache\/(?:apk|dnf|libdnf5|pacman|yum|zypp)\//,
  /^\/var\/lib\/pacman\/sync\//,
  /^\/var\/lib\/ucf\/(?:hashfile|registry)\.[0-9]+$/,
];

export const derived: Merger = {
  name: 'derived files',
  unread: true,
  answersFor: path => [...CACHES, ...TRACES].some(pattern => pattern.test(path)),
  async merge(input) {
    const isCache = (path: string) => CACHES.some(pattern => pattern.test(path));
    return joined(input.paths.map(path => (isCache(path) ? dropped(input, path) : NOTHING)));
  },
};
