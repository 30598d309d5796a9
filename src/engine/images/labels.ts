import { openImage, type Platform, parseReference } from '../../oci/index.ts';

/** What the config of an image in a registry or layout says. @throws AshlarError when it cannot be had. */
export async function readLabels(
  reference: string,
  options: { readonly platform?: Platform; readonly insecure?: boolean; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, string>>> {
  const { config } = await openImage(parseReference(reference), options);
  return config.config?.Labels ?? {};
}
