// A list as a CSV file: all pages of it, asked for one after the other.
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { saidError } from '../i18n/said.ts';
import { csv } from './format.ts';
import { save } from './parts.tsx';

const kSize = 200;
const kRowsMax = 20_000;

interface Props<Row> {
  name: string; // of the file, without its ending
  head: string[];
  page: (page: number, size: number) => Promise<{ items: Row[]; total: number }>;
  row: (row: Row) => (string | number)[];
}

export function Csv<Row>({ name, head, page, row }: Props<Row>) {
  const { t } = useTranslation();
  const [state, setState] = useState<'' | 'doing' | { error: unknown }>('');
  const run = async () => {
    setState('doing');
    try {
      const rows: (string | number)[][] = [head];
      for (let at = 1; rows.length <= kRowsMax; at += 1) {
        const answer = await page(at, kSize);
        rows.push(...answer.items.map(row));
        if (answer.items.length < kSize) break;
      }
      save(`${name}.csv`, csv(rows), 'text/csv;charset=utf-8');
      setState('');
    } catch (error) {
      setState({ error });
    }
  };
  return (
    <span className="row" style={{ marginLeft: 'auto' }}>
      {typeof state === 'object' && (
        <span className="danger" role="alert">
          {saidError(state.error)}
        </span>
      )}
      <button type="button" className="plain" disabled={state === 'doing'} onClick={() => void run()}>
        {t(state === 'doing' ? 'act.doing' : 'table.csv')}
      </button>
    </span>
  );
}
