import type { KiwiCommand, KiwiContainerConfig, Placed } from '../model.ts';
import { namesIn } from '../schema/values.ts';
import { childOf, childrenOf, type XmlElement } from '../xml/tree.ts';
import { itemsOf, nameOf, type Selection, sectionsOf } from './selection.ts';
import { booleanOf, contentOf, textOf } from './values.ts';

/** @param author Who made it where nothing else is said. */
export function containerConfigOf(element: XmlElement, author: string): KiwiContainerConfig {
  const below = (list: string, item: string) =>
    childrenOf(element, list).flatMap(parent => childrenOf(parent, item));
  const pair = (item: XmlElement): readonly [string, string] => [nameOf(item), textOf(item, 'value') ?? ''];
  const stopSignal = childOf(element, 'stopsignal');
  return {
    name: textOf(element, 'name') ?? 'kiwi-container',
    tag: textOf(element, 'tag') ?? 'latest',
    additionalNames: namesIn(textOf(element, 'additionalnames') ?? ''),
    maintainer: textOf(element, 'maintainer') ?? author,
    user: textOf(element, 'user'),
    workingDir: textOf(element, 'workingdir'),
    entrypoint: commandOf(childOf(element, 'entrypoint')),
    subcommand: commandOf(childOf(element, 'subcommand')),
    ports: below('expose', 'port').map(port => ({ value: textOf(port, 'number') ?? '', at: port.at })),
    volumes: below('volumes', 'volume').map(nameOf),
    stopSignal: stopSignal && contentOf(stopSignal),
    environment: below('environment', 'env').map(pair),
    labels: below('labels', 'label').map(pair),
    history: historyOf(childOf(element, 'history'), author),
    at: element.at,
  };
}

function historyOf(element: XmlElement | undefined, author: string): KiwiContainerConfig['history'] {
  const given = (name: string) => element && textOf(element, name);
  const comment = element && contentOf(element);
  return {
    author: given('author') ?? author,
    createdBy: given('created_by'),
    comment: comment === '' ? undefined : comment,
  };
}

function commandOf(element: XmlElement | undefined): KiwiCommand | undefined {
  if (element === undefined) return undefined;
  return {
    execute: textOf(element, 'execute'),
    arguments: childrenOf(element, 'argument').map(nameOf),
    clear: booleanOf(element, 'clear') ?? false,
  };
}

/** Containers that come with the image. */
export function resolveContainers(selection: Selection): readonly Placed<string>[] {
  const sections = sectionsOf(selection, 'containers');
  return itemsOf(sections, 'container', selection).map(container => ({
    value: nameOf(container),
    at: container.at,
  }));
}
