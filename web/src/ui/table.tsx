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
  width?: number; // pixels; of a long table, whose columns do not follow what is in them
  head?: ReactNode; // in place of the title
}

interface TableProps<Row> {
  rows: Row[];
  columns: Column<Row>[];
  name: string;
  keyOf: (row: Row) => string;
  rowClass?: (row: Row) => string | undefined;
}

export function Table<Row>({ rows, columns, name, keyOf, rowClass }: TableProps<Row>) {
  return (
    // A box that scrolls sideways can be reached and scrolled with the keyboard.
    <div className="table" role="region" aria-label={name} tabIndex={0}>
      <table>
        <caption className="hidden">{name}</caption>
        <Head columns={columns} name={name} />
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} className={rowClass?.(row)}>
              <Cells columns={columns} row={row} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<Row>({ columns, name }: { columns: Column<Row>[]; name: string }) {
  return (
    <thead>
      <tr>
        {columns.map((column, at) => (
          <th key={`${column.title}${at}`} scope="col" className={column.align === 'right' ? 'number' : undefined}>
            {column.head ?? (column.title === '' ? <span className="hidden">{name}</span> : column.title)}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Cells<Row>({ columns, row }: { columns: Column<Row>[]; row: Row }) {
  return columns.map((column, at) => (
    <td key={`${column.title}${at}`} className={column.align === 'right' ? 'number' : column.head !== undefined ? 'pick' : column.title === '' ? 'acts' : column.wide ? 'wide-cell' : undefined}>
      {column.cell(row)}
    </td>
  ));
}

const kRow = 36; // pixels; the style sheet says the same
const kBeyond = 12; // rows above and below what is seen
const kStep = 8; // rows between one drawing and the next

// A table of thousands of rows, of which those are drawn that are seen and a few beyond. Each row has one line and one
// height; what does not fit is cut, and has to be said elsewhere, too.
export function LongTable<Row>({ rows, columns, name, keyOf, rowClass, onKey }: TableProps<Row> & { onKey?: (key: string, row: Row) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const [first, setFirst] = useState(0);
  const [count, setCount] = useState(60);
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const seen = Math.max(0, Math.floor(-top / kRow) - kBeyond);
      setFirst(seen - (seen % kStep));
      setCount(Math.ceil(window.innerHeight / kRow) + 2 * kBeyond + kStep);
    };
    const soon = () => {
      if (frame === 0) frame = requestAnimationFrame(look);
    };
    look();
    again.current = soon;
    window.addEventListener('scroll', soon, { passive: true });
    window.addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('scroll', soon);
      window.removeEventListener('resize', soon);
    };
  }, []);
  const from = Math.min(first, Math.max(0, rows.length - 1 - ((rows.length - 1) % kStep)));
  const shown = rows.slice(from, from + count);
  const after = rows.length - from - shown.length;
  // A row that goes out of sight takes the focus along: it stays with the table.
  const focused = useRef<string | null>(null);
  useEffect(() => {
    if (focused.current === null || shown.some((row) => keyOf(row) === focused.current)) return;
    focused.current = null;
    if (document.activeElement === document.body) box.current?.focus({ preventScroll: true });
  });
  // What stands above may have moved the rows without anybody scrolling.
  useEffect(() => again.current());
  const rowOf = (target: EventTarget) => {
    const key = (target as HTMLElement).closest('tr')?.dataset.key;
    return key === undefined ? undefined : rows.find((row) => keyOf(row) === key);
  };
  return (
    <div
      className="table long"
      role="region"
      aria-label={name}
      tabIndex={0}
      ref={box}
      onFocus={(event) => (focused.current = (event.target as HTMLElement).closest('tr')?.dataset.key ?? null)}
      onKeyDown={(event) => {
        if (!onKey || event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing || (event.target as HTMLElement).closest('input, textarea')) return;
        const row = rowOf(event.target);
        if (row !== undefined) onKey(event.key, row);
      }}
    >
      <table aria-rowcount={rows.length + 1} style={{ minWidth: columns.reduce((sum, column) => sum + (column.width ?? 120), 0) }}>
        <caption className="hidden">{name}</caption>
        <colgroup>
          {columns.map((column, at) => (
            <col key={`${column.title}${at}`} style={column.wide ? undefined : { width: column.width ?? 120 }} />
          ))}
        </colgroup>
        <Head columns={columns} name={name} />
        <tbody ref={body}>
          {from > 0 && <tr aria-hidden style={{ height: from * kRow }} />}
          {shown.map((row, at) => (
            <tr key={keyOf(row)} data-key={keyOf(row)} aria-rowindex={from + at + 2} className={rowClass?.(row)}>
              <Cells columns={columns} row={row} />
            </tr>
          ))}
          {after > 0 && <tr aria-hidden style={{ height: after * kRow }} />}
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
