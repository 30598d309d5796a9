import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import type { DescriptorSource, RawImage, RawModule, RawOverrides } from './types.ts';

/** Who is told of what is odd, but no error. */
export interface Listener {
  readonly warn: (message: string, at?: SourceSpan) => void;
  readonly info: (message: string) => void;
}

/** The images of a descriptor, the target last. All that is wrong with it is one `AshlarError`. */
export function readDescriptor(source: DescriptorSource, _listener: Listener): readonly RawImage[] {
  throw new AshlarError(`cannot read ${source.source.file} yet`);
}

/** A module.yaml. */
export function readModule(source: DescriptorSource, _listener: Listener): RawModule {
  throw new AshlarError(`cannot read ${source.source.file} yet`);
}

/** One override. */
export function readOverrides(source: DescriptorSource, _listener: Listener): RawOverrides {
  throw new AshlarError(`cannot read ${source.source.file} yet`);
}
