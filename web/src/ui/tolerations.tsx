// Taints of a Kubernetes cluster's nodes that a deployment's units tolerate, a line each.
import { Input, InputNumber, Select } from 'antd';
import { useTranslation } from 'react-i18next';
import { kEffects, kNoToleration, type TolerationWish } from './overlay.ts';

const kMost = 16;
const kSecondsMost = 604_800;

interface Props {
  wishes: TolerationWish[];
  change: (wishes: TolerationWish[]) => void;
}

export function Tolerations({ wishes, change }: Props) {
  const { t } = useTranslation();
  const put = (at: number, more: Partial<TolerationWish>) => change(wishes.map((wish, i) => (i === at ? { ...wish, ...more } : wish)));
  const of = (at: number, which: 'key' | 'value' | 'effect' | 'seconds') => `${t(`tolerations.${which}`)} ${at + 1}`;
  return (
    <div>
      {wishes.map((wish, at) => (
        // Lines have no name of their own, and what one shows is all in `wishes`.
        <div key={at} className="row" style={{ marginBottom: 4 }}>
          <Input
            style={{ width: 132 }}
            aria-label={of(at, 'key')}
            placeholder={t('tolerations.key')}
            value={wish.key}
            maxLength={317}
            autoComplete="off"
            onChange={(event) => put(at, { key: event.target.value.trim() })}
          />
          <Input
            style={{ width: 96 }}
            aria-label={of(at, 'value')}
            placeholder={t('tolerations.any')}
            value={wish.value}
            maxLength={63}
            autoComplete="off"
            onChange={(event) => put(at, { value: event.target.value.trim() })}
          />
          <Select
            aria-label={of(at, 'effect')}
            style={{ width: 160 }}
            value={wish.effect}
            options={[{ value: '' as const, label: t('tolerations.each') }, ...kEffects.map((value) => ({ value, label: value }))]}
            onChange={(effect) => put(at, { effect })}
          />
          {wish.effect === 'NoExecute' && (
            <InputNumber
              style={{ width: 72 }}
              controls={false}
              aria-label={of(at, 'seconds')}
              placeholder={t('tolerations.seconds')}
              min={0}
              max={kSecondsMost}
              precision={0}
              value={wish.seconds}
              onChange={(seconds) => put(at, { seconds })}
            />
          )}
          <button type="button" className="plain" onClick={() => change(wishes.filter((_, i) => i !== at))}>
            {t('act.remove')}
          </button>
        </div>
      ))}
      {wishes.length < kMost && (
        <button type="button" className="plain" onClick={() => change([...wishes, kNoToleration])}>
          {t('tolerations.add')}
        </button>
      )}
      <span className="note">{t('tolerations.note')}</span>
    </div>
  );
}
