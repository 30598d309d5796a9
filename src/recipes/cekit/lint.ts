import type { Plan } from '../../plan/types.ts';
import { floatingBases, type Remark, unpinnedDownloads } from '../plan-remarks.ts';

export interface DescriptorRemark extends Remark {
  readonly rule: 'unpinned-download' | 'floating-base';
}

/** What of a descriptor's plan may not be meant, each thing once whatever the number of platforms. */
export function lintPlan({ images }: Plan): readonly DescriptorRemark[] {
  const remarks = [
    ...[...unpinnedDownloads(images, 'sha256')].map(
      remark => ({ ...remark, rule: 'unpinned-download' }) as const,
    ),
    ...[...floatingBases(images)].map(remark => ({ ...remark, rule: 'floating-base' }) as const),
  ];
  return [...new Map(remarks.map(remark => [JSON.stringify(remark), remark])).values()];
}
