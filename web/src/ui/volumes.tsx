// Where each of a config's volumes lies, as somebody who deploys wants it.
import { Input, Select } from 'antd';
import { useTranslation } from 'react-i18next';
import { kPlaces, kSigned, type VolumeWish } from './overlay.ts';

interface Props {
  signed: { name: string; text: string }[]; // as the vendor has them
  wishes: Record<string, VolumeWish>;
  change: (wishes: Record<string, VolumeWish>) => void;
}

export function Volumes({ signed, wishes, change }: Props) {
  const { t } = useTranslation();
  return signed.map(({ name, text }) => {
    const wish = wishes[name] ?? kSigned;
    const put = (more: Partial<VolumeWish>) => change({ ...wishes, [name]: { ...wish, ...more } });
    const field = (which: 'claim' | 'size' | 'class', width: number, max: number, missing = false) => (
      <Input
        style={{ width }}
        aria-label={`${name} ${t(`volumes.${which}`)}`}
        placeholder={t(`volumes.${which}`)}
        value={wish[which]}
        maxLength={max}
        autoComplete="off"
        status={missing ? 'error' : ''}
        onChange={(event) => put({ [which]: event.target.value.trim() })}
      />
    );
    return (
      <div key={name} style={{ marginBottom: 8 }}>
        <div className="mono" style={{ overflowWrap: 'anywhere' }}>
          {text}
        </div>
        <div className="row">
          <Select
            aria-label={`${name} ${t('volumes.where')}`}
            style={{ width: 180 }}
            value={wish.where}
            options={kPlaces.map((value) => ({ value, label: t(`volumes.${value}`) }))}
            onChange={(where) => put({ where })}
          />
          {wish.where === 'claim' && field('claim', 116, 63, wish.claim === '')}
          {wish.where !== 'signed' && field('size', 88, 64)}
          {wish.where === 'claim' && field('class', 124, 63)}
        </div>
      </div>
    );
  });
}
