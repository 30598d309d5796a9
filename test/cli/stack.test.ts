import { describe, expect, it } from 'vitest';
import { proofLines, reportLines } from '../../src/cli/commands/stack-lines.ts';
import { conflictRules, stackPlan } from '../../src/cli/commands/stack-plan.ts';
import type { StackReport, StackVerification } from '../../src/engine/index.ts';

const DIGEST = `sha256:${'0123456789ab'.padEnd(64, '0')}` as const;

function report(parts: Partial<StackReport>): StackReport {
  return {
    parts: ['a', 'b'],
    layers: [],
    conflicts: [],
    merged: [],
    corrected: [],
    regenerate: [],
    orderIndependent: false,
    bytesSaved: 0,
    ...parts,
  };
}

describe('the rules of --conflicts', () => {
  it('are one policy for all paths, and others for some, of which the last ones count', () => {
    expect(conflictRules(['warn'])).toEqual({ policy: 'warn', paths: [] });
    expect(conflictRules(['/etc/**=first', 'error', '/a=b/*=last'])).toEqual({
      policy: 'error',
      paths: [
        { glob: '/etc/**', policy: 'first' },
        { glob: '/a=b/*', policy: 'last' },
      ],
    });
  });

  it.each(['none', '/etc/**', '/etc/**=none', 'etc=last', ''])('are not %j', text => {
    expect(() => conflictRules([text])).toThrow('unknown conflict policy');
  });
});

describe('the plan of a stack', () => {
  it('is one image of other images, those without a place from the layout', () => {
    const { images } = stackPlan('both', ['a', 'docker://host/b:c', 'oci:x:y'], conflictRules([]), '/w/oci');
    expect(images).toMatchObject([
      {
        name: 'both',
        emit: true,
        base: {
          kind: 'stack',
          parts: [
            { kind: 'image', reference: 'oci:/w/oci:a' },
            { kind: 'image', reference: 'docker://host/b:c' },
            { kind: 'image', reference: 'oci:x:y' },
          ],
        },
      },
    ]);
  });
});

describe('the report of a stack', () => {
  it('is short where nothing has to be decided', () => {
    expect(reportLines(report({ orderIndependent: true }), false)).toEqual([
      '2 images, 0 layers; 0 B shared; 0 conflicts; no layer of its own; any order gives the same',
    ]);
  });

  it('has layers, merges, programs and conflicts in aligned columns', () => {
    const conflict = { path: '/f', parts: ['a', 'b'], text: '1 B in a, 2 B in b', kind: 'content' } as const;
    const lines = reportLines(
      report({
        layers: [
          { diffId: DIGEST, digest: DIGEST, size: 2_500_000, parts: ['a', 'b'] },
          { diffId: DIGEST, digest: DIGEST, size: 10, parts: ['b'], moved: 'for /x' },
        ],
        merged: [{ merger: 'dpkg', paths: ['/var/lib/dpkg/status', '/var/lib/dpkg/x'] }],
        regenerate: [{ command: ['/sbin/ldconfig', '-X'], makes: [] }],
        corrected: ['/var/lib/dpkg/status'],
        conflicts: [
          { ...conflict, policy: 'error', winner: 'b' },
          { ...conflict, kind: 'type', policy: 'warn', winner: 'b' },
        ],
        bytesSaved: 2_500_000,
      }),
      false,
    );
    expect(lines).toEqual([
      'layers, the lowest first',
      '  sha256:0123456789ab  2.5 MB  a, b  shared',
      '  sha256:0123456789ab  10 B    b     moved: for /x',
      '',
      'merged by what they mean',
      '  dpkg  /var/lib/dpkg/status',
      '  dpkg  /var/lib/dpkg/x',
      '',
      'made anew by programs of the image',
      '  /sbin/ldconfig -X',
      '',
      'conflicts',
      '  error  content  nobody wins  /f: 1 B in a, 2 B in b',
      '  warn   type     b wins       /f: 1 B in a, 2 B in b',
      '',
      '2 images, 2 layers; 2.5 MB shared; 2 conflicts; a layer of its own with 1 path',
    ]);
  });
});

describe('the proof of a stack', () => {
  const proof: StackVerification = {
    proven: true,
    differences: [],
    layersShared: 3,
    layersAbove: 0,
    bytesSaved: 1500,
    mergedFiles: ['/etc/passwd'],
    regeneratedFiles: ['/etc/ld.so.cache'],
    record: {
      version: 1,
      parts: [
        { name: 'a', layers: [0] },
        { name: 'b', layers: [0, 1] },
      ],
      rules: { policy: 'warn', paths: [] },
      moved: [],
      conflicts: [],
      conflictCount: 1,
      merged: [],
    },
  };

  it('names the parts, what is shared and what was merged', () => {
    expect(proofLines('image', proof, false)).toEqual([
      'merged by what they mean',
      '  /etc/passwd',
      '',
      'made anew by programs of the image: not compared',
      '  /etc/ld.so.cache',
      '',
      'image is proven to be a + b; 3 layers shared; 1.5 kB saved; 1 file merged; 1 conflict',
    ]);
  });

  it('does not speak for layers above the stack', () => {
    const record = { ...proof.record, extra: 3 };
    expect(proofLines('image', { ...proof, layersAbove: 5, record }, false).at(-1)).toMatch(
      /^the lowest 4 of the 9 layers of image are proven to be a \+ b; 3 layers shared; /,
    );
  });

  it('has the paths that are not what they should be', () => {
    const failed = {
      ...proof,
      proven: false,
      differences: [{ path: '/f', text: 'mode 600 instead of 644' }],
    };
    expect(proofLines('image', failed, false).slice(6)).toEqual([
      'differences',
      '  /f  mode 600 instead of 644',
      '',
      'image is not proven to be a + b; 3 layers shared; 1.5 kB saved; 1 file merged; 1 conflict',
    ]);
  });
});
