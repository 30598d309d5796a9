import { join } from 'node:path';
import type { FetchOptions } from '../../engine/index.ts';
import type { CekitConfig } from './config.ts';

/** How files come from elsewhere, with CEKit's own artifacts among them. */
export function fetchOptions({ workDir, credentials, verifyTls }: CekitConfig): FetchOptions {
  return { cekitCache: join(workDir, 'cache'), credentials, insecure: !verifyTls };
}
