/**
 * Calls of ashlar's libraries for which there is no command, as a process that can be measured:
 *
 *     unpack BLOB gzip|zstd DIFF-ID DIRECTORY
 *     pack DIRECTORY gzip|zstd BLOB
 *     squashfs TAR BLOB                    with verity data
 *     copy REFERENCE REFERENCE             without TLS
 */
import { packLayer, unpackLayer } from '../src/layers/index.ts';

const [action, ...args] = process.argv.slice(2);
const [first = '', second = '', third = '', fourth = ''] = args;

switch (action) {
  case 'unpack':
    await unpackLayer({
      blob: first,
      compression: compressionOf(second),
      diffId: third,
      directory: fourth,
      owners: 'keep',
    });
    break;
  case 'pack':
    await packLayer(
      { kind: 'upper', directory: first },
      { compression: compressionOf(second), output: third },
    );
    break;
  case 'squashfs': {
    const { convertLayer, QUICK_SQUASHFS } = await import('../src/layers/index.ts');
    await convertLayer({
      blob: first,
      compression: 'none',
      below: [],
      into: QUICK_SQUASHFS,
      verity: true,
      output: second,
    });
    break;
  }
  case 'copy': {
    const { copyImage, parseReference } = await import('../src/oci/index.ts');
    await copyImage(parseReference(first), parseReference(second), { insecureFrom: true, insecureTo: true });
    break;
  }
  default:
    throw new Error(`unknown action ${action}`);
}

function compressionOf(name: string): 'gzip' | 'zstd' {
  if (name === 'gzip' || name === 'zstd') return name;
  throw new Error(`unknown compression ${name}`);
}
