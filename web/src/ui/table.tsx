// A table of rows from the server, and what stands above and below it; all of it lives in the address.
import { Input } from 'antd';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { groups } from './format.ts';

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ReactNode;
  align?: 'right';
  wide?: boolean;
}

export function Table<Row>({ rows, columns, name, keyOf }: { rows: Row[]; columns: Column<Row>[]; name: string; keyOf: (row: Row) => string }) {
  return (
    // A box that scrolls sideways can be reached and scrolled with the keyboard.
    <div className="table" role="region" aria-label={name} tabIndex={0}>
      <table>
        <caption className="hidden">{name}</caption>
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={`${column.title}${at}`} scope="col" className={column.align === 'right' ? 'number' : undefined}>
                {column.title === '' ? <span className="hidden">{name}</span> : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, at) => (
                <td key={`${column.title}${at}`} className={column.align === 'right' ? 'number' : column.title === '' ? 'acts' : column.wide ? 'wide-cell' : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export interface ListState {
  get: (name: string) => string;
  page: number;
  set: (changes: Record<string, string>) => void; // a changed filter goes to page 1
}
export function useList(): ListState {
  const [params, setParams] = useSearchParams();
  return {
    get: (name) => params.get(name) ?? '',
    page: Math.max(1, Number.parseInt(params.get('page') ?? '1', 10) || 1),
    set: (changes) =>
      setParams(
        (former) => {
          const next = new URLSearchParams(former);
          if (!('page' in changes)) next.delete('page');
          for (const [name, value] of Object.entries(changes)) {
            if (value === '' || (name === 'page' && value === '1')) next.delete(name);
            else next.set(name, value);
          }
          return next;
        },
        { replace: !('page' in changes) },
      ),
  };
}

export function Filter({ list, placeholder, name = 'text' }: { list: ListState; placeholder: string; name?: string }) {
  const current = list.get(name);
  const [text, setText] = useState(current);
  const composing = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setText(current), [current]);
  const send = (value: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      // Half a syllable of an input method is nothing to search for.
      if (!composing.current) list.set({ [name]: value.trim() });
    }, 250);
  };
  return (
    <div className="find">
      <Input
        allowClear
        aria-label={placeholder}
        placeholder={placeholder}
        value={text}
        data-filter
        maxLength={200}
        onCompositionStart={() => {
          composing.current = true;
        }}
        onCompositionEnd={(event) => {
          composing.current = false;
          send(event.currentTarget.value);
        }}
        onChange={(event) => {
          setText(event.target.value);
          send(event.target.value);
        }}
      />
    </div>
  );
}

export function Facet({ list, name, values, label }: { list: ListState; name: string; values: { value: string; text: string }[]; label: string }) {
  const current = list.get(name);
  return (
    <div className="row facet-group" role="group" aria-label={label}>
      {values.map(({ value, text }) => (
        <button key={value} type="button" className="facet" aria-pressed={current === value} onClick={() => list.set({ [name]: value })}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function Pages({ list, total, size }: { list: ListState; total: number; size: number }) {
  const { t } = useTranslation();
  const last = Math.max(1, Math.ceil(total / size));
  if (total <= size && list.page === 1) return null;
  const from = (list.page - 1) * size + 1;
  return (
    <nav className="pages" aria-label={t('table.pages')}>
      <span className="second">{t('table.range', { from: groups(from), to: groups(Math.min(total, from + size - 1)), total: groups(total) })}</span>
      <span className="row">
        <button type="button" className="plain" disabled={list.page <= 1} onClick={() => list.set({ page: String(list.page - 1) })}>
          {t('table.former')}
        </button>
        <button type="button" className="plain" disabled={list.page >= last} onClick={() => list.set({ page: String(list.page + 1) })}>
          {t('table.next')}
        </button>
      </span>
    </nav>
  );
}
