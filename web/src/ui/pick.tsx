// Rows that are picked for one act on all of them; they stay picked over pages and filters.
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { saidError } from '../i18n/said.ts';
import { groups } from './format.ts';
import type { Column } from './table.tsx';

export interface Picked<Row> {
  rows: Row[];
  has: (row: Row) => boolean;
  set: (rows: Row[], on: boolean) => void;
  clear: () => void;
}

// `page`: the rows as they are now; those that are not on it are as they were when they were picked.
export function usePicked<Row>(page: Row[], keyOf: (row: Row) => string): Picked<Row> {
  const [picked, setPicked] = useState<ReadonlyMap<string, Row>>(new Map());
  return {
    rows: [...picked].map(([key, row]) => page.find((one) => keyOf(one) === key) ?? row),
    has: (row) => picked.has(keyOf(row)),
    set: (rows, on) =>
      setPicked((former) => {
        const next = new Map(former);
        for (const row of rows) {
          if (on) next.set(keyOf(row), row);
          else next.delete(keyOf(row));
        }
        return next;
      }),
    clear: () => setPicked(new Map()),
  };
}

// The first column of a table. `why` says of a row that cannot be picked why not; else it is empty.
export function usePickColumn<Row>(picked: Picked<Row>, page: Row[], nameOf: (row: Row) => string, why: (row: Row) => string = () => ''): Column<Row> {
  const { t } = useTranslation();
  const can = page.filter((row) => why(row) === '');
  const all = can.length > 0 && can.every(picked.has);
  const some = can.some(picked.has);
  return {
    title: t('pick.title'),
    width: 40,
    head: (
      <span className="pick">
        <input
          type="checkbox"
          aria-label={t('pick.page', { count: can.length })}
          disabled={can.length === 0}
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = some && !all;
          }}
          onChange={(event) => picked.set(can, event.target.checked)}
        />
      </span>
    ),
    cell: (row) => {
      const reason = why(row);
      return <input type="checkbox" aria-label={t('pick.one', { name: nameOf(row) })} title={reason || undefined} disabled={reason !== ''} checked={picked.has(row)} onChange={(event) => picked.set([row], event.target.checked)} />;
    },
  };
}

// What a filter finds beyond the page that is shown: how many in all, and how to ask for a page of them.
export interface Beyond<Row> {
  total: number;
  page: (page: number, size: number) => Promise<{ items: Row[]; total: number }>;
}

const kAsked = 200; // rows at once
const kPickedMax = 2000; // an act on more than that is one for the command line

// Offered where rows of a page are picked and the filter finds more than that page.
function PickAll<Row>({ picked, of }: { picked: Picked<Row>; of: Beyond<Row> }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [all, setAll] = useState(0); // how many there were when they were picked
  if (of.total <= picked.rows.length || all === of.total) return null;
  if (of.total > kPickedMax) return <span className="note">{t('pick.too-many', { total: groups(of.total), most: groups(kPickedMax) })}</span>;
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      const rows: Row[] = [];
      for (let at = 1; rows.length < kPickedMax; at += 1) {
        const answer = await of.page(at, kAsked);
        rows.push(...answer.items);
        if (answer.items.length < kAsked) break;
      }
      picked.set(rows, true);
      setAll(of.total);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" className="plain" disabled={busy} onClick={() => void run()}>
        {busy ? t('act.doing') : t('pick.all', { count: of.total, number: groups(of.total) })}
      </button>
      {error !== null && (
        <span className="danger" role="alert">
          {saidError(error)}
        </span>
      )}
    </>
  );
}

export function PickedBar<Row>({ picked, beyond, children }: { picked: Picked<Row>; beyond?: Beyond<Row>; children: ReactNode }) {
  const { t } = useTranslation();
  if (picked.rows.length === 0) return null;
  return (
    <div className="bulk" role="region" aria-label={t('pick.title')}>
      <b>{t('pick.count', { count: picked.rows.length })}</b>
      {beyond && <PickAll picked={picked} of={beyond} />}
      {children}
      <button type="button" className="plain" onClick={picked.clear}>
        {t('pick.clear')}
      </button>
    </div>
  );
}
