/** The strongest first: by the first that is given files are looked for. */
export const checksumAlgorithms = ['sha512', 'sha256', 'sha1', 'md5'] as const;

export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** Hexadecimal digits. */
export const checksumLength: Readonly<Record<ChecksumAlgorithm, number>> = {
  sha512: 128,
  sha256: 64,
  sha1: 40,
  md5: 32,
};
