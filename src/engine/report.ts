/** The report of a build, for programs: a fold over its events, so that it knows nothing that they do not tell. */
import type { MadeDisk } from '../disk/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Step } from '../plan/types.ts';
import type { SourceSpan } from '../support/errors.ts';
import { given } from '../support/given.ts';
import type { BuildEvent, BuiltLayer, KnownBase, Transfer } from './events.ts';

/** What `--report` writes as JSON. Times are RFC 3339 in UTC, sizes are bytes. */
export interface BuildReport {
  /** Of this form: another number when a member goes or changes its meaning; new members may come at any time. */
  readonly form: 1;
  readonly tool: { readonly name: string; readonly version: string };
  readonly outcome: 'built' | 'failed' | 'interrupted';
  /** Versions of the programs that have written layers. */
  readonly programs: Readonly<Record<string, string>>;
  readonly time: TimeSpan;
  /** In the order of the plan. Empty when it failed before there was a plan. */
  readonly images: readonly ImageReport[];
  readonly downloads: readonly DownloadReport[];
  readonly warnings: readonly WarningReport[];
  readonly totals: ReportTotals;
  /** What went wrong, unless the outcome is `built`. */
  readonly failure?: FailureReport;
}

export interface TimeSpan {
  readonly started: string;
  readonly ended: string;
  readonly milliseconds: number;
}

export interface ImageReport {
  readonly name: string;
  /** The images that had to be built before it. */
  readonly needs: readonly string[];
  /** Whether it was meant to get into the output. */
  readonly emit: boolean;
  /** `built`: complete, but not (yet) in the output; `done`: complete, and in the output if it was meant to be. */
  readonly state: 'waiting' | 'building' | 'built' | 'done' | 'failed';
  /** Whether nothing of it was new. */
  readonly cached: boolean;
  /** Until it was built. Absent when it was never begun. */
  readonly time?: TimeSpan;
  readonly base?: KnownBase;
  /** Those that were begun. */
  readonly steps: readonly StepReport[];
  /** The files that were made of its tree. */
  readonly outputs: readonly OutputReport[];
  /** The names in the output, with the digests of their manifests. */
  readonly tags: readonly { readonly tag: string; readonly manifest: Digest; readonly size: number }[];
}

export interface StepReport {
  /** Counts from 1. */
  readonly step: number;
  readonly kind: Step['kind'] | 'squash';
  /** The `created_by` of its history entry. */
  readonly text: string;
  /** Absent when it did not end well. */
  readonly key?: string;
  readonly cached: boolean;
  readonly time: TimeSpan;
  /** Absent when nothing changed, or when it did not end well. */
  readonly layer?: BuiltLayer;
}

export interface OutputReport {
  readonly file: string;
  readonly role: string;
  readonly bytes: number;
  /** Absent for directories. */
  readonly sha256?: string;
  /** The chain ID of the layers of the tree that it was made of. */
  readonly tree: Digest;
  readonly cached: boolean;
  /** Of disks. */
  readonly disk?: MadeDisk;
  /** Of file systems with a hash tree, hexadecimal. */
  readonly rootHash?: string;
}

export interface DownloadReport {
  readonly what: Transfer['what'];
  /** A digest or a URL. */
  readonly name: string;
  /** The image that asked first. */
  readonly image: string;
  readonly from: Transfer['from'];
  readonly bytes: number;
  readonly complete: boolean;
  readonly time: TimeSpan;
}

export interface WarningReport {
  readonly text: string;
  readonly image?: string;
  readonly at?: SourceSpan;
}

export interface ReportTotals {
  readonly images: number;
  readonly cachedImages: number;
  readonly steps: number;
  readonly cachedSteps: number;
  /** What came over the network. */
  readonly downloadedBytes: number;
  /** The layers that were made, as they are stored. */
  readonly writtenBytes: number;
}

export interface FailureReport {
  readonly message: string;
  /** The image that failed first. */
  readonly image?: string;
  readonly at?: SourceSpan;
  readonly hint?: string;
  readonly causes: readonly string[];
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

interface Started {
  readonly began: number;
  ended?: number;
}

type ImageDraft = Draft<Omit<ImageReport, 'time' | 'steps'>> & {
  span?: Started;
  readonly steps: (Draft<Omit<StepReport, 'time'>> & Started)[];
};

/** Listens to a build and can tell at any time how it stands. */
export class BuildRecorder {
  readonly #tool: BuildReport['tool'];
  readonly #now: () => number;
  readonly #began: number;
  readonly #images = new Map<string, ImageDraft>();
  readonly #downloads = new Map<number, Draft<Omit<DownloadReport, 'time'>> & Started>();
  readonly #warnings: WarningReport[] = [];
  readonly #programs: Record<string, string> = {};

  /** @param now Whole milliseconds since 1970. */
  constructor(tool: BuildReport['tool'], now = () => Math.round(performance.timeOrigin + performance.now())) {
    this.#tool = tool;
    this.#now = now;
    this.#began = now();
  }

  readonly follow = (event: BuildEvent): void => {
    switch (event.kind) {
      case 'build-started':
        for (const { image: name, needs, emit } of event.images)
          this.#images.set(name, {
            name,
            needs,
            emit,
            state: 'waiting',
            cached: false,
            steps: [],
            outputs: [],
            tags: [],
          });
        break;
      case 'message': {
        const { level, text, image, at } = event;
        if (level === 'warning')
          this.#warnings.push({ text, ...(image === undefined ? {} : { image }), ...(at ? { at } : {}) });
        break;
      }
      case 'transfer-started': {
        const { what, name, image, from, id } = event.transfer;
        const began = this.#now();
        this.#downloads.set(id, { what, name, image, from, bytes: 0, complete: false, began });
        break;
      }
      case 'transfer-progress':
      case 'transfer-finished': {
        const download = this.#downloads.get(event.transfer.id);
        if (!download) break;
        download.bytes = event.bytes;
        if (event.kind === 'transfer-progress') break;
        download.complete = true;
        download.ended = this.#now();
        break;
      }
      case 'program-used':
        this.#programs[event.program] = event.version;
        break;
      case 'output':
      case 'packing':
      case 'terminal-taken':
      case 'terminal-released':
        break;
      default:
        this.#followImage(event);
    }
  };

  #followImage(event: ImageEvent): void {
    const image = this.#images.get(event.image);
    if (!image) return;
    switch (event.kind) {
      case 'image-started':
        image.state = 'building';
        image.span = { began: this.#now() };
        break;
      case 'base-known':
        image.base = event.base;
        break;
      case 'step-started': {
        const { step, what, text } = event;
        image.steps.push({ step, kind: what, text, cached: false, began: this.#now() });
        break;
      }
      case 'step-finished': {
        const step = image.steps.at(-1);
        if (!step) break;
        step.key = event.key;
        step.cached = event.cached;
        if (event.layer) step.layer = event.layer;
        step.ended = this.#now();
        break;
      }
      case 'output-started':
        break;
      case 'output-finished': {
        const { file, role, bytes, sha256, tree, cached, disk, rootHash } = event.output;
        const known = given({ sha256, disk, rootHash });
        image.outputs = [...image.outputs, { file, role, bytes, tree, cached, ...known }];
        break;
      }
      case 'image-built':
        image.state = 'built';
        if (image.span) image.span.ended = this.#now();
        break;
      case 'image-failed':
        image.state = 'failed';
        if (image.span) image.span.ended = this.#now();
        break;
      case 'image-finished':
        image.state = 'done';
        image.cached = event.cached;
        image.tags = event.tags.map(({ tag, manifest: { digest, size } }) => ({
          tag,
          manifest: digest,
          size,
        }));
    }
  }

  /** The report as it stands; what has no end yet ends now. */
  report(outcome: BuildReport['outcome'], failure?: Omit<FailureReport, 'image'>): BuildReport {
    const now = this.#now();
    const images = [...this.#images.values()].map(draft => imageReport(draft, now));
    const failed = images.find(({ state }) => state === 'failed')?.name;
    const downloads = [...this.#downloads.values()].map(({ began, ended, ...download }) => ({
      ...download,
      time: timeSpan({ began, ended: ended ?? now }),
    }));
    return {
      form: 1,
      tool: this.#tool,
      outcome,
      programs: this.#programs,
      time: timeSpan({ began: this.#began, ended: now }),
      images,
      downloads,
      warnings: this.#warnings,
      totals: totalsOf(images, downloads),
      ...(failure ? { failure: { ...failure, ...(failed === undefined ? {} : { image: failed }) } } : {}),
    };
  }
}

type ImageEvent = Extract<
  BuildEvent,
  {
    readonly kind:
      | 'image-started'
      | 'base-known'
      | 'step-started'
      | 'step-finished'
      | 'output-started'
      | 'output-finished'
      | 'image-built'
      | 'image-failed'
      | 'image-finished';
  }
>;

function imageReport({ span, steps, ...image }: ImageDraft, now: number): ImageReport {
  return {
    ...image,
    ...(span ? { time: timeSpan({ ended: now, ...span }) } : {}),
    steps: steps.map(({ began, ended, ...step }) => ({
      ...step,
      time: timeSpan({ began, ended: ended ?? now }),
    })),
  };
}

function totalsOf(images: readonly ImageReport[], downloads: readonly DownloadReport[]): ReportTotals {
  const steps = images.flatMap(image => image.steps);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  return {
    images: images.length,
    cachedImages: images.filter(({ cached }) => cached).length,
    steps: steps.length,
    cachedSteps: steps.filter(({ cached }) => cached).length,
    downloadedBytes: sum(downloads.filter(({ from }) => from === 'network').map(({ bytes }) => bytes)),
    writtenBytes: sum(steps.map(({ cached, layer }) => (cached ? 0 : (layer?.size ?? 0)))),
  };
}

function timeSpan({ began, ended }: { readonly began: number; readonly ended: number }): TimeSpan {
  const text = (time: number) => new Date(time).toISOString();
  return { started: text(began), ended: text(ended), milliseconds: ended - began };
}
