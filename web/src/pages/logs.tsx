import { Button, Input, Select, Switch } from 'antd';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { type Schemas, consoleHeader, errorOf } from '../api/client.ts';
import { Empty, Failure } from '../ui/parts.tsx';

const kLinesMax = 10_000; // kept on the page; a download has all
const kRow = 18;

// Reads a log as it is written, in pieces, and hands on whole lines.
async function follow(url: string, signal: AbortSignal, take: (lines: string[]) => void) {
  const response = await fetch(url, { signal, headers: consoleHeader() });
  if (!response.ok || !response.body) throw errorOf(response.status, await response.json().catch(() => undefined));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const parts = (rest + (value ?? '')).split('\n');
    rest = done ? '' : (parts.pop() ?? '');
    if (parts.length > 0) take(done && parts.at(-1) === '' ? parts.slice(0, -1) : parts);
    if (done) return;
  }
}

export function Logs({ of }: { of: Schemas['Deployment'] }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const unit = params.get('unit') || of.units[0]?.name || '';
  const container = params.get('container') === 'guard' ? 'guard' : 'model';
  const previous = params.get('previous') === '1';
  const [following, setFollowing] = useState(true);
  const [lines, setLines] = useState<string[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [ended, setEnded] = useState(false);
  const [search, setSearch] = useState('');
  const [again, setAgain] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [top, setTop] = useState(0);

  const query = new URLSearchParams({ unit, tail: '2000' });
  if (container === 'guard') query.set('container', 'guard');
  if (previous) query.set('previous', 'true');
  const plain = `/api/v1/deployments/${of.id}/logs?${query}`;
  const live = following && !previous;
  const url = live ? `${plain}&follow=true` : plain;

  useEffect(() => {
    if (unit === '') return undefined;
    const abort = new AbortController();
    setLines([]);
    setError(null);
    setEnded(false);
    let pending: string[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      const more = pending;
      pending = [];
      setLines((former) => [...former, ...more].slice(-kLinesMax));
    };
    follow(url, abort.signal, (more) => {
      pending.push(...more);
      // At most ten times a second, however fast a model writes.
      timer ??= setTimeout(show, 100);
    })
      .then(() => setEnded(true))
      .catch((failure: unknown) => {
        if (!abort.signal.aborted) setError(failure);
      });
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [url, unit, again]);

  // A hidden tab follows nothing: a log takes one of the few connections that a browser has for us.
  useEffect(() => {
    const changed = () => {
      if (document.hidden) setFollowing(false);
    };
    document.addEventListener('visibilitychange', changed);
    return () => document.removeEventListener('visibilitychange', changed);
  }, []);

  const shown = useMemo(() => {
    const wanted = search.toLowerCase();
    return wanted === '' ? lines : lines.filter((line) => line.toLowerCase().includes(wanted));
  }, [lines, search]);
  useEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown]);

  if (of.units.length === 0) return <Empty>{t('logs.no-units')}</Empty>;
  const set = (name: string, value: string) =>
    setParams(
      (former) => {
        const next = new URLSearchParams(former);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  // Only what is seen is drawn: ten thousand lines scroll as ten do.
  const height = box.current?.clientHeight ?? 600;
  const first = Math.max(0, Math.floor(top / kRow) - 20);
  const last = Math.min(shown.length, first + Math.ceil(height / kRow) + 40);
  return (
    <>
      <div className="facets">
        <Select aria-label={t('field.unit')} value={unit} style={{ minWidth: 220 }} options={of.units.map((one) => ({ value: one.name, label: one.name }))} onChange={(value) => set('unit', value)} />
        <div className="row" role="group" aria-label={t('logs.container')}>
          {(['model', 'guard'] as const).map((one) => (
            <button key={one} type="button" className="facet" aria-pressed={container === one} onClick={() => set('container', one === 'guard' ? 'guard' : '')}>
              {t(`logs.${one}`)}
            </button>
          ))}
        </div>
        <button type="button" className="facet" aria-pressed={previous} onClick={() => set('previous', previous ? '' : '1')}>
          {t('logs.previous')}
        </button>
        <Input allowClear style={{ width: 220 }} data-filter aria-label={t('logs.search')} placeholder={t('logs.search')} value={search} onChange={(event) => setSearch(event.target.value)} />
        <span className="row">
          <Switch size="small" checked={live} disabled={previous} onChange={setFollowing} aria-label={t('logs.follow')} />
          {t('logs.follow')}
        </span>
        <Button href={plain.replace('tail=2000', 'tail=-1')} download={`${of.name}-${unit}-${container}.log`}>
          {t('logs.download')}
        </Button>
      </div>
      {error !== null && <Failure error={error} again={() => setAgain(again + 1)} />}
      <div
        className="log"
        ref={box}
        tabIndex={0}
        role="log"
        aria-label={t('deployment.logs')}
        aria-live="off"
        onScroll={(event) => {
          const now = event.currentTarget;
          atEnd.current = now.scrollHeight - now.scrollTop - now.clientHeight < 2 * kRow;
          setTop(now.scrollTop);
        }}
      >
        <div style={{ height: first * kRow, padding: 0 }} />
        {shown.slice(first, last).map((line, at) => (
          <div key={first + at} style={{ whiteSpace: 'pre', height: kRow }}>
            {line === '' ? ' ' : line}
          </div>
        ))}
        <div style={{ height: (shown.length - last) * kRow, padding: 0 }} />
        {shown.length === 0 && error === null && <div className="second">{t(search !== '' ? 'logs.none-fit' : ended ? 'logs.empty' : 'logs.waiting')}</div>}
      </div>
      <p className="note">{t('logs.note', { count: shown.length, state: t(live && !ended ? 'logs.is-live' : 'logs.is-still') })}</p>
    </>
  );
}
