/** The stacker file that stacks exist for: a kernel, firmware, and both of them, none of them twice. */

/** What differs between its uses: the lines of the layer that all is made in, and the commands that bring the files. */
export interface SeedParts {
  readonly base: string;
  /** They put what becomes /kernel into /tmp/stage/kernel. */
  readonly kernel: string;
  readonly ovmf: string;
}

export const seed = ({ base, kernel, ovmf }: SeedParts): string => `
base:
  build_only: true
${indented(base, 2)}

kernel-build:
  build_only: true
  from:
    type: built
    tag: base
  run: |
      mkdir -p /tmp/stage/kernel /export
      trap "rm -Rf /tmp/stage" EXIT

${indented(kernel, 6)}
      tar -C /tmp/stage -cf /export/kernel.tar kernel/

# the only top level dir this layer is 'kernel/'
kernel:
  from:
    type: scratch
    url: stacker://kernel-build/export/kernel.tar

ovmf-build:
  build_only: true
  from:
    type: built
    tag: base
  run: |
      mkdir -p /tmp/stage/ovmf /export
      trap "rm -Rf /tmp/stage" EXIT

${indented(ovmf, 6)}
      tar -C /tmp/stage -cf /export/ovmf.tar ovmf/

# the only top level dir this layer is 'ovmf/'
ovmf:
  from:
    type: scratch
    url: stacker://ovmf-build/export/ovmf.tar

combined:
  from:
    type: stack
  layers:
    - type: built
      tag: kernel
    - type: built
      tag: ovmf
`;

function indented(text: string, spaces: number): string {
  return text.trim().replace(/^/gm, ' '.repeat(spaces));
}
