/** Modes and owners of artifacts, which CEKit does not know. */
import type { YamlNode } from '../../../support/yaml.ts';

/**
 * Permission bits. Digits are octal, with or without a nought in front and quotes around, as in `chmod`: nobody means
 * the decimal number that YAML makes of `755`. Undefined for anything else.
 */
export function parseMode(node: YamlNode): number | undefined {
  if (node.kind !== 'int' && node.kind !== 'string') return undefined;
  const [, digits] = /^(?:0o?)?([0-7]{1,4})$/.exec(node.raw) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** Owner and, behind a colon, group. Undefined for anything else, names included: they differ between images. */
export function parseOwner(node: YamlNode): { readonly uid: number; readonly gid?: number } | undefined {
  // As written: without quotes, YAML 1.1 takes 1001:0 for a number of base 60.
  if (node.kind !== 'int' && node.kind !== 'string') return undefined;
  const [, uid, gid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(node.raw) ?? [];
  if (uid === undefined || !isId(uid) || (gid !== undefined && !isId(gid))) return undefined;
  return { uid: Number(uid), ...(gid !== undefined && { gid: Number(gid) }) };
}

function isId(digits: string): boolean {
  return Number(digits) < 2 ** 32 - 1;
}
