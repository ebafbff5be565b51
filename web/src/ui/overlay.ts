// What an operator changes about a config: as a form has it, as the API takes it, and as it is read.
import type { Schemas } from '../api/client.ts';

export const kPlaces = ['signed', 'disk', 'memory', 'claim'] as const;
export interface VolumeWish {
  where: (typeof kPlaces)[number];
  claim: string;
  size: string;
  class: string;
}
export const kSigned: VolumeWish = { where: 'signed', claim: '', size: '', class: '' };

export const kEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
export interface TolerationWish {
  key: string;
  value: string;
  effect: '' | (typeof kEffects)[number]; // '': each
  seconds: number | null; // of NoExecute
}
export const kNoToleration: TolerationWish = { key: '', value: '', effect: '', seconds: null };

// A claim whose name is still missing is sent without it: better refused than taken for the vendor's own place.
export function volumesOf(wishes: Record<string, VolumeWish>): Schemas['VolumeChoice'][] {
  return Object.entries(wishes)
    .filter(([, wish]) => wish.where !== 'signed')
    .map(([name, { where, claim, size, class: kind }]) => {
      const choice: Schemas['VolumeChoice'] = { name };
      if (where === 'disk' || where === 'memory') choice.medium = where;
      if (where === 'claim' && claim !== '') choice.claim = claim;
      if (size !== '') choice.size = size;
      if (where === 'claim' && kind !== '') choice.storage_class = kind;
      return choice;
    });
}

// A line in which nothing was typed yet is none.
export function tolerationsOf(wishes: TolerationWish[]): Schemas['Toleration'][] {
  return wishes
    .filter((wish) => wish.key !== '' || wish.value !== '' || wish.effect !== '')
    .map(({ key, value, effect, seconds }) => {
      const toleration: Schemas['Toleration'] = { key };
      if (value !== '') toleration.value = value;
      if (effect !== '') toleration.effect = effect;
      if (effect === 'NoExecute' && seconds !== null) toleration.seconds = seconds;
      return toleration;
    });
}

type Say = (key: `volumes.${'disk' | 'memory' | 'claim'}` | 'tolerations.one' | 'tolerations.for', values?: Record<string, string | number>) => string;

export function volumeText(t: Say, { name, claim, medium, size, storage_class }: Schemas['VolumeChoice']): string {
  const where = medium !== undefined ? t(`volumes.${medium}`) : [t('volumes.claim'), claim].filter(Boolean).join(' ');
  return `${name} → ${[where, size, storage_class].filter(Boolean).join(', ')}`;
}

export function tolerationText(t: Say, { key, value, effect, seconds }: Schemas['Toleration']): string {
  const taint = `${key}${value === undefined ? '' : `=${value}`}${effect === undefined ? '' : `:${effect}`}`;
  return t('tolerations.one', { taint }) + (seconds === undefined ? '' : t('tolerations.for', { seconds }));
}

export function overlayText(t: Say, overlay: Schemas['Overlay']): string {
  return [
    ...overlay.env.map((one) => `${one.name}=${one.value}`),
    ...Object.entries(overlay.requests).map(([name, value]) => `${name} ≥ ${value}`),
    ...Object.entries(overlay.limits).map(([name, value]) => `${name} ≤ ${value}`),
    ...overlay.volumes.map((one) => volumeText(t, one)),
    ...overlay.tolerations.map((one) => tolerationText(t, one)),
  ].join(' · ');
}
