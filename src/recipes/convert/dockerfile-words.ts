/** Texts as the values of a descriptor that stand for them: Dockerfiles make something of quotes and dollars. */

/** A value of ENV and LABEL, which stands in double quotes. */
export const quotedValue = (text: string): string => text.replaceAll(/[\\"$]/g, '\\$&');

/** A word that stands for itself, of COPY, WORKDIR and USER. */
export const bareWord = (text: string): string => text.replaceAll(/[\\"'$]/g, '\\$&');

/** A string in a JSON list, of CMD and ENTRYPOINT. */
export const listed = (text: string): string => JSON.stringify(text).slice(1, -1);
