/** What partitions are for, in the words of partition tables. */
import { AshlarError } from '../../support/errors.ts';
import { familyOf } from '../boot/architecture.ts';

export type PartitionKind = 'legacy' | 'efi' | 'boot' | 'swap' | 'linux' | 'raid' | 'root' | 'verity';

interface RootTypes {
  readonly root: string;
  readonly verity: string;
}

/** Discoverable Partitions Specification, by what `uname -m` says. */
const roots: ReadonlyMap<string, RootTypes> = new Map<string, RootTypes>([
  ['x86_64', types('4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', '2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5')],
  ['ix86', types('44479540-F297-41B2-9AF7-D131D5F0458A', 'D13C5D3B-B5D1-422A-B29F-9454FDC89D76')],
  ['aarch64', types('B921B045-1DF0-41C3-AF44-4C6F280D3FAE', 'DF3300CE-D69F-4C92-978C-9BFB0F38D820')],
  ['arm', types('69DAD710-2CE4-4E3C-B16C-21A1D49ABED3', '7386CDF2-203C-47A9-A498-F2ECCE45A2D6')],
  ['loongarch64', types('77055800-792C-4F94-B39A-98C91B762BB6', 'F3393B22-E9AF-4613-A948-9D3BFBD0C535')],
  ['ppc', types('1DE3F1EF-FA98-47B5-8DCD-4A860A654D78', '98CFE649-1588-46DC-B2F0-ADD147424925')],
  ['ppc64', types('912ADE1D-A839-4913-8964-A10EEE08FBD2', '9225A9A3-3C19-4D89-B4F6-EEFF88F17631')],
  ['ppc64le', types('C31C45E6-3F39-412E-80FB-4809C4980599', '906BD944-4589-4AAE-A4E4-DD983917446A')],
  ['riscv64', types('72EC70A6-CF74-40E6-BD49-4BDA08E8F224', 'B6ED5582-440B-4209-B8DA-5FF7C419EA3D')],
  ['s390x', types('5EEAD9A9-FE09-4A1E-A1D7-520D00531306', 'B325BFBE-C7BE-4AB8-8357-139E652D2F6B')],
]);

function types(root: string, verity: string): RootTypes {
  return { root, verity };
}

const guids: Readonly<Record<Exclude<PartitionKind, 'root' | 'verity'>, string>> = {
  legacy: '21686148-6449-6E6F-744E-656564454649',
  efi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  boot: 'BC13C2FF-59E6-4262-A352-B275FD6F7172',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
  raid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
};

/** The type GUID of a partition; that of the root depends on the architecture. */
export function typeGuid(kind: PartitionKind, architecture: string): string {
  if (kind !== 'root' && kind !== 'verity') return guids[kind];
  const known = roots.get(familyOf(architecture));
  if (known) return known[kind];
  throw new AshlarError(`no type of partition is known for the root of machines that are "${architecture}"`, {
    hint: `Known are ${[...roots.keys()].join(', ')}.`,
  });
}

/** The type byte of a partition in an MBR. */
export const typeBytes: Readonly<Record<PartitionKind, number>> = {
  legacy: 0xda,
  efi: 0xef,
  boot: 0x83,
  swap: 0x82,
  linux: 0x83,
  raid: 0xfd,
  root: 0x83,
  verity: 0x83,
};
