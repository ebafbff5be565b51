// Who may call a route that comes with a deployment: everybody, or callers that are chosen here.

import { Checkbox, Select } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../api/client.ts';

type Choice = { open: boolean; callers: string[] };
type Props = {
  id: string; // of the field, for its label
  known: Schemas['Caller'][];
  choice: Choice;
  change: (choice: Partial<Choice>) => void;
};

export function WhoMayCall({ id, known, choice, change }: Props) {
  const { t } = useTranslation();
  return (
    <>
      <label htmlFor={id}>{t('nav.callers')}</label>
      <div>
        <Select
          id={id}
          mode="multiple"
          style={{ width: '100%' }}
          disabled={choice.open}
          value={choice.callers}
          placeholder={t('deploy.callers')}
          notFoundContent={t('callers.empty')}
          options={known.map((one) => ({ value: one.id, label: one.name }))}
          onChange={(callers: string[]) => change({ callers })}
        />
        <Checkbox checked={choice.open} onChange={(event) => change({ open: event.target.checked })} style={{ marginTop: 4 }}>
          {t('deploy.open')}
        </Checkbox>
      </div>
    </>
  );
}
