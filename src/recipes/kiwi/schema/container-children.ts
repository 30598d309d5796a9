/** What stands in `<type>` about containers. */
import { type ElementRule, ignored } from './forms.ts';
import { attribute, named, needed, option, value } from './rows.ts';

const argument = named('An argument.', 'The argument.');

const command = (text: string): ElementRule => ({
  text,
  attributes: {
    execute: attribute('text', 'The program.'),
    clear: attribute('boolean', 'Whether what is inherited is taken away.'),
  },
  children: { argument: ['*', argument] },
});

const appx = ignored('appx files are not made');

export const containerconfig: ElementRule = {
  text: 'What a container image says of itself.',
  attributes: {
    name: attribute('text', 'Its name; `kiwi-container` when not given.'),
    tag: attribute('text', 'Its tag; `latest` when not given.'),
    additionalnames: attribute('text', 'Further names, with commas between: `:tag`, `name`, `name:tag`.'),
    maintainer: attribute('text', 'Who cares for it; the author when not given.'),
    user: attribute('text', 'The user that containers run as.'),
    workingdir: attribute('text', 'The directory that they start in.'),
  },
  children: {
    entrypoint: ['?', command('The program that containers start.')],
    subcommand: ['?', command('What they run, or the arguments of the entrypoint.')],
    expose: [
      '?',
      {
        text: 'Where they listen.',
        children: {
          port: [
            '+',
            {
              text: 'A port.',
              attributes: {
                number: needed(
                  { pattern: /^\d+(\/(tcp|udp))?$/, like: 'a port like 80 or 53/udp' },
                  'Its number.',
                ),
              },
            },
          ],
        },
      },
    ],
    volumes: [
      '?',
      {
        text: 'What they keep on volumes.',
        children: { volume: ['+', named('A volume.', 'Its path.')] },
      },
    ],
    stopsignal: ['?', value('text', 'The signal that stops them.')],
    environment: [
      '?',
      {
        text: 'Their environment.',
        children: { env: ['+', option('A variable.')] },
      },
    ],
    labels: [
      '?',
      {
        text: 'Labels of the image.',
        children: {
          label: [
            '+',
            {
              text: 'A label.',
              attributes: { name: needed('text', 'Its name.'), value: needed('lines', 'Its value.') },
            },
          ],
        },
      },
    ],
    history: [
      '?',
      {
        text: 'The comment of the layer.',
        content: 'lines',
        attributes: {
          author: attribute('text', 'Who made it.'),
          created_by: attribute('text', 'What made it.'),
          application_id: attribute('text', 'The application of an appx file.', appx),
          package_version: attribute('text', 'The version of an appx file.', appx),
          launcher: attribute('text', 'The program of an appx file.', appx),
        },
      },
    ],
  },
};
