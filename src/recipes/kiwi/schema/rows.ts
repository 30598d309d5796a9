/** How rows of the table are written. */
import type { AttributeRule, Attributes, ElementRule, Outcome, ValueForm } from './forms.ts';

export const value = (form: ValueForm, text: string, outcome?: Outcome): ElementRule => ({
  content: form,
  text,
  ...(outcome && { outcome }),
});
export const attribute = (form: ValueForm, text: string, outcome?: Outcome): AttributeRule => ({
  form,
  text,
  ...(outcome && { outcome }),
});
export const needed = (form: ValueForm, text: string): AttributeRule => ({ form, text, required: true });

export const named = (text: string, meaning: string): ElementRule => ({
  text,
  attributes: { name: needed('text', meaning) },
});

export const option = (text: string): ElementRule => ({
  text,
  attributes: { name: needed('text', 'The option.'), value: attribute('lines', 'Its value.') },
});

export const arch: Attributes = {
  arch: { form: 'architectures', text: 'The machines that it is for; all when not given.' },
};
