/** What two image configs say differently, setting by setting. Who made an image, and when, is no difference. */
import type { ImageConfig } from '../../oci/index.ts';

export interface ConfigDifference {
  /** What it is: `environment`, `label`, `entrypoint`, `platform`, … */
  readonly setting: string;
  /** Of a variable, label, volume or port. */
  readonly name?: string;
  /** Undefined where the first image does not have it. */
  readonly before?: string;
  /** Undefined where the second image does not have it. */
  readonly after?: string;
}

export function configDifferences(before: ImageConfig, after: ImageConfig): readonly ConfigDifference[] {
  const [old, young] = [settingsOf(before), settingsOf(after)];
  return [...new Set([...old.keys(), ...young.keys()])].sort().flatMap(key => {
    const [one, other] = [old.get(key), young.get(key)];
    if (one?.value === other?.value) return [];
    const { setting, name } = one ?? other ?? { setting: key };
    return [
      {
        setting,
        ...(name !== undefined && { name }),
        ...(one && { before: one.value }),
        ...(other && { after: other.value }),
      },
    ];
  });
}

interface Setting {
  readonly setting: string;
  readonly name?: string;
  readonly value: string;
}

/** What the fields of the specification are called in front of people; others keep their names. */
const WORDS: Readonly<Record<string, string>> = {
  User: 'user',
  Entrypoint: 'entrypoint',
  Cmd: 'cmd',
  WorkingDir: 'working directory',
  StopSignal: 'stop signal',
};

/** Fields that hold several settings, and what one of them is called. */
const PLURALS: Readonly<Record<string, string>> = {
  Labels: 'label',
  Volumes: 'volume',
  ExposedPorts: 'port',
};

function settingsOf({ os, architecture, variant, config }: ImageConfig): ReadonlyMap<string, Setting> {
  const { Env = [], ...others } = config ?? {};
  const settings: readonly Setting[] = [
    { setting: 'platform', value: [os, architecture, ...(variant === undefined ? [] : [variant])].join('/') },
    ...Env.map(entry => {
      const [, name = entry, value = ''] = /^([^=]*)=(.*)$/s.exec(entry) ?? [];
      return { setting: 'environment', name, value };
    }),
    ...Object.entries(others).flatMap(([field, value]) => settingsOfField(field, value)),
  ];
  return new Map(settings.map(setting => [`${setting.setting}\0${setting.name ?? ''}`, setting]));
}

function settingsOfField(field: string, value: unknown): readonly Setting[] {
  // An empty value says what none says.
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return [];
  const singular = PLURALS[field];
  if (singular === undefined) return [{ setting: WORDS[field] ?? field, value: asText(value) }];
  return Object.entries(value as object).map(([name, one]) => ({
    setting: singular,
    name,
    value: typeof one === 'string' ? one : '',
  }));
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
