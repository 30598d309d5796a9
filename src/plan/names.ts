/** How people write what stands in a plan: for messages, and for telling one source from another. */
import type { LayerFormat } from '../oci/index.ts';
import type { Base, ImagePlan, Source, Text, Variable } from './types.ts';

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

/** What an image is called in the output; suffixes for the types of layers follow. */
export function tagsOf({ name, tags = [name] }: Pick<ImagePlan, 'name' | 'tags'>): readonly string[] {
  return [...new Set(tags)];
}

/** The forms in which the layers of an emitted image are handed out, where the build is asked for `usual`. */
export function typesOf(
  { forms = ['usual'] }: Pick<ImagePlan, 'forms'>,
  usual: readonly LayerFormat['kind'][],
): readonly LayerFormat['kind'][] {
  return [...new Set(forms.flatMap(form => (form === 'usual' ? usual : [form])))];
}

/** As a Dockerfile has it. */
export function nameOfText(text: Text): string {
  const pieces = typeof text === 'string' ? [text] : text;
  return pieces.map(piece => (typeof piece === 'string' ? piece : nameOfVariable(piece))).join('');
}

function nameOfVariable({ variable, otherwise, instead }: Variable): string {
  const words = [
    ...(otherwise ? [`${otherwise.alsoEmpty ? ':' : ''}-${nameOfText(otherwise.text)}`] : []),
    ...(instead ? [`${instead.alsoEmpty ? ':' : ''}+${nameOfText(instead.text)}`] : []),
  ];
  return `\${${variable}${words.join('')}}`;
}
