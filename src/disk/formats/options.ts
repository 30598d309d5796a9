/** Options that a description gives for a format of disks. They come from strangers: none may name a file. */
import { AshlarError } from '../../support/errors.ts';
import type { DiskFormat } from '../types.ts';

type Values = Readonly<Record<string, RegExp>>;

const SWITCH = /^(?:on|off)$/;
const SIZE = /^\d+[kKMG]?$/;
const NUMBER = /^\d{1,7}$/;
const NAME = /^[\w][\w.+ -]{0,99}$/;

const MACHINE: Values = {
  ...{ memory: NUMBER, cpus: NUMBER, guest: NAME, name: NAME },
  firmware: /^(?:bios|efi)$/,
};

const KNOWN: Readonly<Record<DiskFormat['format'], Values>> = {
  qcow2: {
    compat: /^(?:0\.10|1\.1|v2|v3)$/,
    cluster_size: SIZE,
    compression_type: /^(?:zlib|zstd)$/,
    extended_l2: SWITCH,
    lazy_refcounts: SWITCH,
    preallocation: /^(?:off|metadata|falloc|full)$/,
    refcount_bits: NUMBER,
    // Ours: qemu-img has a flag for it.
    compressed: SWITCH,
  },
  vmdk: {
    subformat: /^(?:monolithicSparse|streamOptimized)$/,
    adapter_type: /^(?:ide|buslogic|lsilogic|legacyESX)$/,
    hwversion: NUMBER,
    toolsversion: NUMBER,
    compat6: SWITCH,
    zeroed_grain: SWITCH,
  },
  vdi: { static: SWITCH },
  vhd: { subformat: /^(?:dynamic|fixed)$/, force_size: SWITCH },
  'vhd-fixed': { force_size: SWITCH },
  vhdx: { subformat: /^(?:dynamic|fixed)$/, block_size: SIZE, block_state_zero: SWITCH, log_size: SIZE },
  vmx: {
    ...MACHINE,
    disk: NAME,
    adapter_type: /^(?:ide|buslogic|lsilogic|lsisas1068|pvscsi|legacyESX)$/,
  },
  ova: MACHINE,
  gce: {},
};

/** The options by their keys. Throws an AshlarError for one that is not known, or whose value is not. */
export function formatOptions({ format, options }: DiskFormat): ReadonlyMap<string, string> {
  const known = KNOWN[format];
  return new Map(
    options.map(word => {
      const [key = '', ...rest] = word.split('=');
      const value = rest.join('=');
      const pattern = Object.hasOwn(known, key) ? known[key] : undefined;
      if (pattern === undefined) {
        const names = Object.keys(known).join(', ');
        throw new AshlarError(`the format ${format} has no option ${JSON.stringify(key)} here`, {
          hint: names === '' ? 'it has none at all' : `it has: ${names}`,
        });
      }
      if (!pattern.test(value))
        throw new AshlarError(`${JSON.stringify(word)} has no value that ${format} knows`);
      return [key, value] as const;
    }),
  );
}
