/** POSIX ACLs in the form that system calls have: a version, then tag, permissions and id of each entry. */
export interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  /** Of a user or group; of others 0xffffffff. */
  readonly id: number;
}

export function readAcl(value: Buffer): readonly AclEntry[] {
  return Array.from({ length: Math.floor((value.length - 4) / 8) }, (_, i) => ({
    tag: value.readUInt16LE(4 + i * 8),
    permissions: value.readUInt16LE(6 + i * 8),
    id: value.readUInt32LE(8 + i * 8),
  }));
}
