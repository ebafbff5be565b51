// What one wanted to change and what somebody else has changed meanwhile, side by side.
import { useTranslation } from 'react-i18next';
import { Table } from './table.tsx';
import { type Field, type On, differences } from './rests.ts';

export function Collision<T>({ fields, on }: { fields: Field<T>[]; on: On<T> }) {
  const { t } = useTranslation();
  const rows = differences(fields, on);
  const theirs = rows.some((one) => one.theirs !== undefined);
  const shown = (text: string | undefined) => (text === undefined ? <span className="second">{t('collision.as-before')}</span> : text || '—');
  return (
    <section className="why degraded" role="alert">
      <h2>{t('collision.title')}</h2>
      <p>{t(rows.some((one) => one.both) ? 'collision.both' : theirs ? 'collision.apart' : 'collision.elsewhere')}</p>
      {rows.length > 0 && (
        <Table
          name={t('collision.title')}
          rows={rows}
          keyOf={(one) => one.label}
          columns={[
            { title: t('collision.field'), cell: (one) => (one.both ? <b>{one.label} ◆</b> : one.label) },
            { title: t('collision.before'), wide: true, cell: (one) => one.first || '—' },
            { title: t('collision.mine'), wide: true, cell: (one) => shown(one.mine) },
            { title: t('collision.theirs'), wide: true, cell: (one) => shown(one.theirs) },
          ]}
        />
      )}
    </section>
  );
}
