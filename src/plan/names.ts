/** How people write what a plan starts from: for messages, and for telling one source from another. */
import type { Base, Source } from './types.ts';

export function nameOfSource(source: Source): string {
  switch (source.kind) {
    case 'file':
      return source.path;
    case 'http':
      return source.url;
    case 'image':
      return `stacker://${source.image}${source.path}`;
    case 'kept':
      return source.name;
  }
}

export function nameOfBase(base: Base): string {
  switch (base.kind) {
    case 'scratch':
      return 'nothing';
    case 'image':
      return base.reference;
    case 'built':
      return base.image;
    case 'tar':
      return nameOfSource(base.source);
    case 'stack':
      return base.parts.map(nameOfBase).join(' + ');
  }
}
