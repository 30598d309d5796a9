import type { KiwiPreferences, Placed } from '../model.ts';
import { isTrue } from '../schema/values.ts';
import { childrenOf, type XmlElement } from '../xml/tree.ts';
import { type Selection, sectionsOf } from './selection.ts';
import { contentOf, placedContent } from './values.ts';

/** Of some values the first section counts, of others the last, as with KIWI. */
export function resolvePreferences(selection: Selection): KiwiPreferences {
  const sections = sectionsOf(selection, 'preferences');
  const all = (name: string) => sections.flatMap(section => childrenOf(section, name));
  const first = (name: string) => all(name)[0];
  const last = (name: string) => placed(all(name).at(-1));
  const text = (element: XmlElement | undefined) => element && contentOf(element);
  const boolean = (element: XmlElement | undefined) => element && isTrue(contentOf(element));
  const locale = last('locale');
  return {
    version: text(first('version')),
    packageManager: placed(first('packagemanager')) ?? { value: 'dnf4', at: selection.root.at },
    releaseVersion: text(first('release-version')),
    locales: locale && { value: locale.value.split(','), at: locale.at },
    keytable: last('keytable'),
    timezone: last('timezone'),
    rpmCheckSignatures: boolean(first('rpm-check-signatures')),
    rpmExcludeDocs: boolean(first('rpm-excludedocs')),
    rpmLocaleFiltering: boolean(first('rpm-locale-filtering')),
    bootsplashTheme: last('bootsplash-theme')?.value,
    bootloaderTheme: last('bootloader-theme')?.value,
    showLicense: all('showlicense').map(contentOf),
  };
}

function placed(element: XmlElement | undefined): Placed<string> | undefined {
  return element && placedContent(element);
}
