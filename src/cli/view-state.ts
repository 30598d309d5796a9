/** What a live view knows of a build: a fold over its events. */
import type { BuildEvent } from '../engine/index.ts';

export interface ImageRow {
  readonly image: string;
  readonly needs: readonly string[];
  readonly steps: number;
  state: 'waiting' | 'preparing' | 'step' | 'output' | 'writing' | 'done' | 'failed';
  /** The step that is under way or was the last; 0 before the first. */
  step: number;
  what: Extract<BuildEvent, { readonly kind: 'step-started' }>['what'];
  /** The file that is being made of its tree. */
  file: string;
  cachedSteps: number;
  /** Whether nothing of it was new, once it is done. */
  cached: boolean;
  /** What it asked for that has not arrived. */
  readonly transfers: Map<number, { bytes: number; readonly size: number | undefined }>;
  /** Bytes of the tar of the layer that is being written. */
  packed: number;
  /** Milliseconds, of the clock of the view. */
  began: number;
  ended: number | undefined;
}

export class ViewState {
  /** In the order of the plan. */
  readonly rows = new Map<string, ImageRow>();
  /** Bytes that came over the network. */
  downloaded = 0;
  steps = 0;
  cachedSteps = 0;

  /** @param now Milliseconds of any clock. */
  follow(event: BuildEvent, now: number): void {
    switch (event.kind) {
      case 'build-started':
        for (const { image, needs, steps } of event.images)
          this.rows.set(image, waiting(image, needs, steps));
        break;
      case 'image-started':
        this.#change(event.image, row => Object.assign(row, { state: 'preparing', began: now }));
        break;
      case 'step-started':
        this.#change(event.image, row =>
          Object.assign(row, { state: 'step', step: event.step, what: event.what, packed: 0 }),
        );
        break;
      case 'packing':
        this.#change(event.image, row => Object.assign(row, { packed: event.bytes }));
        break;
      case 'step-finished':
        this.steps += 1;
        if (event.cached) this.cachedSteps += 1;
        this.#change(event.image, row => {
          if (event.cached) row.cachedSteps += 1;
        });
        break;
      case 'transfer-started':
      case 'transfer-progress':
      case 'transfer-finished':
        this.#transfer(event);
        break;
      case 'output-started':
        this.#change(event.image, row => Object.assign(row, { state: 'output', file: event.file }));
        break;
      case 'output-finished':
        // The image itself has been done before.
        this.#change(event.image, row => Object.assign(row, { state: 'done', ended: now }));
        break;
      case 'image-built':
        this.#change(event.image, row => Object.assign(row, { state: 'writing' }));
        break;
      case 'image-failed':
        this.#change(event.image, row => Object.assign(row, { state: 'failed', ended: now }));
        break;
      case 'image-finished':
        this.#change(event.image, row =>
          Object.assign(row, { state: 'done', cached: event.cached, ended: now }),
        );
    }
  }

  #change(image: string, change: (row: ImageRow) => void): void {
    const row = this.rows.get(image);
    if (row) change(row);
  }

  #transfer(event: Extract<BuildEvent, { readonly transfer: unknown }>): void {
    const { id, image, from, size } = event.transfer;
    const transfers = this.rows.get(image)?.transfers;
    const before = transfers?.get(id)?.bytes ?? 0;
    const bytes = event.kind === 'transfer-started' ? 0 : event.bytes;
    if (from === 'network') this.downloaded += bytes - before;
    if (event.kind === 'transfer-finished') transfers?.delete(id);
    else transfers?.set(id, { bytes, size });
  }
}

function waiting(image: string, needs: readonly string[], steps: number): ImageRow {
  return {
    image,
    needs,
    steps,
    state: 'waiting',
    step: 0,
    what: 'run',
    file: '',
    cachedSteps: 0,
    cached: false,
    transfers: new Map(),
    packed: 0,
    began: 0,
    ended: undefined,
  };
}
