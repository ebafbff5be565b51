// What an update changes, field by field.
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../api/client.ts';

export function Changes({ of }: { of: Schemas['FieldChange'][] }) {
  const { t } = useTranslation();
  if (of.length === 0) return <p className="second">{t('diff.none')}</p>;
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return (
    <div className="diff">
      {of.map((change) => (
        <div key={change.field} className={change.before === null ? 'plus' : change.after === null ? 'minus' : 'tilde'} style={{ overflowWrap: 'anywhere' }}>
          {change.field}: {change.before !== null && shown(change.before)}
          {change.before !== null && change.after !== null && ' → '}
          {change.after !== null && shown(change.after)}
        </div>
      ))}
    </div>
  );
}
