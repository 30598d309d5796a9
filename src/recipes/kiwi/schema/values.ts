/** What values of attributes and texts may look like, and what they are. */
import type { ValueForm } from './forms.ts';
import { isMachine } from './words.ts';

/** What is expected instead, as in `expected true or false`; nothing when the value fits. */
export function misfit(value: string, form: ValueForm): string | undefined {
  if (typeof form === 'object') {
    if ('words' in form) return form.words.includes(value) ? undefined : either(form.words);
    return form.pattern.test(value) ? undefined : form.like;
  }
  switch (form) {
    case 'text':
      // Values become lines of files like /etc/passwd and words of commands.
      return /\p{Cc}/u.test(value) ? 'one line of text' : undefined;
    case 'lines':
      return undefined;
    case 'boolean':
      return /^(true|false|1|0)$/.test(value) ? undefined : 'true or false';
    case 'integer':
      return /^\d{1,15}$/.test(value) ? undefined : 'a whole number';
    case 'profiles':
      return namesIn(value).length > 0 ? undefined : 'names of profiles with commas between';
    case 'architectures': {
      const names = namesIn(value);
      if (names.length > 0 && names.every(isMachine)) return undefined;
      return 'machines with commas between, like x86_64,aarch64';
    }
  }
}

/** Whether an attribute of that name holds what only who builds may know. */
export function isSecret(attribute: string): boolean {
  return attribute === 'password' || attribute === 'luks';
}

/** The value as the form has it, for one that fits. */
export function typed(value: string, form: ValueForm): string | number | boolean {
  if (form === 'boolean') return isTrue(value);
  if (form === 'integer') return Number(value);
  return value;
}

export function isTrue(value: string): boolean {
  return value === 'true' || value === '1';
}

/** The parts of a comma list. */
export function namesIn(list: string): readonly string[] {
  return list
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
}

/** `a`, `a or b`, `a, b or c`. */
export function either(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
