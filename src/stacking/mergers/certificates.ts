/** Bundles of certificates of authorities: one file with one PEM block after the other. */
import { AshlarError } from '../../support/errors.ts';
import type { Merger } from '../merger.ts';
import { numbered, trimmed } from './lines.ts';
import { type RecordForm, recordMerge } from './records.ts';
import { joined, mergeTexts } from './texts.ts';

const BUNDLES: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/tls/certs/ca-bundle.trust.crt',
  '/var/lib/ca-certificates/ca-bundle.pem',
];

const EXTRACTED = /^\/etc\/pki\/ca-trust\/extracted\/.*\.(?:pem|crt)$/;

/** By certificate: removed ones stay removed. */
export const certificates: Merger = {
  name: 'certificates',
  answersFor: path => BUNDLES.includes(path) || EXTRACTED.test(path),
  async merge(input) {
    return joined(await Promise.all(input.paths.map(path => mergeTexts(input, path, recordMerge(bundle)))));
  },
};

const END = /-----END ([A-Z0-9 ]+)-----[ \t\r]*(?:\n|$)/g;

/** A block with the lines before it, in which some distributions name it. */
const bundle: RecordForm = {
  parse(text) {
    let start = 0;
    const blocks = [...text.matchAll(END)].map(({ 0: { length }, 1: label = '', index }) => {
      const record = text.slice(start, index + length).replace(/\n?$/, '\n');
      start = index + length;
      const begin = record.indexOf(`-----BEGIN ${label}-----`);
      if (begin < 0) throw new AshlarError(`a block ${label} does not begin`);
      return { key: record.slice(begin), text: record };
    });
    const rest = text.slice(start);
    if (rest.includes('-----BEGIN ') || (trimmed(rest) !== '' && blocks.length === 0))
      throw new AshlarError('it is no list of PEM blocks');
    return numbered(rest === '' ? blocks : [...blocks, { key: '', text: rest }]);
  },
  // The certificate is the key: only remarks can differ.
  reconcile: ({ sides }) => ({ text: sides.at(-1)?.text, conflicts: [] }),
};
