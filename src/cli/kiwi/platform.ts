/** What images are for. Apart from the machine's name, which every start asks for: this loads all that reads images. */
import { type Platform, parsePlatform } from '../../oci/index.ts';

/** @param architecture As `uname -m` says it. */
export function platformOf(architecture: string): Platform {
  if (/^(?:i[3-6]86|ix86)$/.test(architecture)) return parsePlatform('386');
  const arm = /^armv(\d)/.exec(architecture)?.[1];
  return parsePlatform(arm === undefined ? architecture : `linux/arm/v${arm}`);
}
