import { AshlarError } from '../../../support/errors.ts';
import type { RawImage } from '../descriptor/types.ts';
import type { Located } from '../model.ts';
import type { CekitOptions } from '../options.ts';

/** What the image is made from: `from`, or what the image of `follow_tag` says of itself. */
export async function baseOf(image: RawImage, { redhat, readLabels }: CekitOptions): Promise<Located> {
  const { from, followTag, name, at } = image;
  if (followTag !== undefined) {
    if (!redhat) {
      throw new AshlarError('follow_tag annotation only supported with redhat flag', { at: followTag.at });
    }
    const labels = await readLabels(followTag.text, followTag.at);
    const [version, release] = ['version', 'release'].map(label => {
      const value = labels[label];
      if (value !== undefined) return value;
      throw new AshlarError(`${followTag.text} has no label '${label}' to follow`, { at: followTag.at });
    });
    return { text: `${repositoryOf(followTag.text)}:${version}-${release}`, at: followTag.at };
  }
  if (from === undefined || from.text === '') {
    throw new AshlarError(`image '${name.text}' does not say what it is made from`, {
      at: from?.at ?? at,
      hint: 'add "from" with an image, the name of an earlier stage, or scratch',
    });
  }
  return from;
}

/** A reference without tag and digest; a colon before the last slash is that of a port. */
function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/s, '').replace(/:[^:/]*$/, '');
}
