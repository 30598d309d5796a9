/** How a FAT file system divides its partition. */
import { AshlarError } from '../../support/errors.ts';
import { MIB } from '../pieces.ts';

export interface Geometry {
  readonly bits: 16 | 32;
  readonly sectorSize: number;
  /** Counted in sectors. */
  readonly total: number;
  readonly reserved: number;
  readonly fat: number;
  /** The root directory of FAT16, which has a place of its own. */
  readonly root: number;
  readonly perCluster: number;
  readonly clusters: number;
}

/** Entries of the root directory of FAT16. */
export const ROOT_ENTRIES = 512;
/** Fewer clusters than these are FAT16 to every reader, and fewer than those FAT12. */
const FEWEST_32 = 65525;
const FEWEST_16 = 4085;
/** From here on the file system has enough clusters of one sector for FAT32. */
const FROM_32 = 33 * MIB;
const LARGEST_CLUSTER = 32 * 1024;

/** FAT32 from 33 MiB on, where sectors are small enough for it; else FAT16. */
export function fatGeometry(size: number, sectorSize: number): Geometry {
  const total = Math.floor(size / sectorSize);
  if (size >= FROM_32)
    for (let cluster = usualCluster(size); cluster >= sectorSize; cluster /= 2) {
      const geometry = divide(32, total, sectorSize, cluster);
      if (geometry.clusters >= FEWEST_32) return geometry;
    }
  for (let cluster = sectorSize; cluster <= LARGEST_CLUSTER; cluster *= 2) {
    const geometry = divide(16, total, sectorSize, cluster);
    if (geometry.clusters < FEWEST_16) break;
    if (geometry.clusters < FEWEST_32) return geometry;
  }
  throw new AshlarError(`a partition of ${size} bytes cannot hold a FAT file system`, {
    hint: `It takes at least ${Math.ceil((FEWEST_16 * sectorSize) / MIB) + 1} MiB here.`,
  });
}

/** What Microsoft's formatter takes for FAT32. */
function usualCluster(size: number): number {
  const gibibytes = size / 1024 / MIB;
  if (size <= 260 * MIB) return 512;
  if (gibibytes <= 8) return 4096;
  return gibibytes <= 16 ? 8192 : gibibytes <= 32 ? 16384 : LARGEST_CLUSTER;
}

function divide(bits: 16 | 32, total: number, sectorSize: number, cluster: number): Geometry {
  const perCluster = cluster / sectorSize;
  const reserved = bits === 32 ? 32 : 1;
  const root = bits === 32 ? 0 : (ROOT_ENTRIES * 32) / sectorSize;
  const most = Math.floor((total - reserved - root) / perCluster);
  const fat = Math.ceil(((most + 2) * bits) / 8 / sectorSize);
  const clusters = Math.floor((total - reserved - root - 2 * fat) / perCluster);
  return { bits, sectorSize, total, reserved, fat, root, perCluster, clusters };
}
