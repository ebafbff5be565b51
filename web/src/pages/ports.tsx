// The whole range as one picture: 64 cells a row, drawn by row, with the keyboard through all of it.
import { Button, Input, InputNumber, Select } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { type Schemas, client, must, mustWithEtag, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Act } from '../ui/act.tsx';
import { Aged, useAged } from '../ui/age.tsx';
import { ChangeDialog, Dialog } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Loaded, PageHead } from '../ui/parts.tsx';
import { type Port, type Row, consecutive, kAcross, matches, rowsOf } from '../ui/port-rows.ts';
import { Table } from '../ui/table.tsx';

export default function Ports() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [params, setParams] = useSearchParams();
  const cluster = params.get('cluster') ?? 'local';
  const wanted = params.get('port') ?? '';
  const asTable = params.get('as') === 'table';
  const clusters = useLive(['clusters'], (signal) => must(client.GET('/clusters', { signal })));
  const asked = useLive(['ports', cluster], (signal) => must(client.GET('/ports', { signal, params: { query: { cluster } } })), { keep: true });
  const ranges = useLive(['ports', cluster, 'ranges'], (signal) => mustWithEtag(client.GET('/ports/ranges', { signal, params: { query: { cluster } } })));
  const old = useAged().get(cluster);
  const [count, setCount] = useState(4);
  const [found, setFound] = useState<number | null | undefined>(undefined);
  const [asks, setAsks] = useState<'' | 'ranges' | 'reserve'>('');
  const [chosen, setChosen] = useState<[number, number] | null>(null); // first and last, both within
  const [text, setText] = useState(wanted);
  useEffect(() => setText(wanted), [wanted]);
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
  const rangeText = rangesText(ranges.data?.ranges ?? []);
  return (
    <>
      <PageHead
        title={t('nav.ports')}
        lead={
          asked.data && (
            <>
              {cluster} {rangeText} · {t('ports.lead', { free: groups(asked.data.free), used: groups(asked.data.used), others: groups(asked.data.used_by_others), reserved: groups(asked.data.reserved) })}
            </>
          )
        }
        acts={
          <Act needs="manage-ports" onClick={() => setAsks('ranges')}>
            {t('ports.ranges-ask')}
          </Act>
        }
      />
      <div className="facets">
        <Select aria-label={t('field.cluster')} value={cluster} style={{ minWidth: 140 }} options={(clusters.data?.items ?? []).map((one) => ({ value: one.id, label: one.id }))} onChange={(value) => set('cluster', value)} />
        <Input allowClear data-filter style={{ width: 220 }} aria-label={t('ports.find')} placeholder={t('ports.find')} value={text} onChange={(event) => (setText(event.target.value), set('port', event.target.value.trim()))} />
        <span className="row">
          {t('ports.consecutive')}
          <InputNumber aria-label={t('ports.consecutive')} min={1} max={1000} precision={0} style={{ width: 72 }} value={count} onChange={(value) => setCount(value ?? 1)} />
          <Button
            onClick={() => {
              const first = asked.data ? consecutive(asked.data.items, count) : undefined;
              setFound(first ?? null);
              if (first !== undefined) setChosen([first, first + count - 1]);
            }}
          >
            {t('ports.search')}
          </Button>
          {found === null && <span className="danger">{t('ports.no-run', { count })}</span>}
        </span>
        {chosen && (
          <span className="row">
            → {chosen[0] === chosen[1] ? chosen[0] : `${chosen[0]}–${chosen[1]}`}
            <Act needs="manage-ports" size="small" onClick={() => setAsks('reserve')}>
              {t('ports.reserve-ask')}
            </Act>
          </span>
        )}
        <div className="row" role="group" aria-label={t('ports.view')} style={{ marginLeft: 'auto' }}>
          {['', 'table'].map((one) => (
            <button key={one} type="button" className="facet" aria-pressed={asTable === (one === 'table')} onClick={() => set('as', one)}>
              {t(one === 'table' ? 'ports.table' : 'ports.picture')}
            </button>
          ))}
        </div>
      </div>
      <Loaded of={asked} rows={10}>
        {(overview) =>
          overview.items.length === 0 ? (
            <Empty>{t('ports.empty')}</Empty>
          ) : (
            <div className={old ? 'stale' : undefined}>
              <Aged of={old ? [old] : []} />
              {old && <p className="note">{t('ports.aged')}</p>}
              {asTable ? (
                <PortTable ports={overview.items} wanted={wanted} />
              ) : (
                <Picture ports={overview.items} wanted={wanted} chosen={chosen} choose={setChosen} reserve={() => setAsks('reserve')} cluster={cluster} />
              )}
            </div>
          )
        }
      </Loaded>
      {asks === 'ranges' && ranges.data && <Ranges cluster={cluster} of={ranges.data} ports={asked.data?.items ?? []} close={() => setAsks('')} />}
      {asks === 'reserve' && chosen && (
        <Dialog
          open
          close={() => setAsks('')}
          title={t('ports.reserve-title', { ports: chosen[0] === chosen[1] ? chosen[0] : `${chosen[0]}–${chosen[1]}` })}
          act={t('ports.reserve')}
          reason={t('ports.reserve-for')}
          run={async (reason) => {
            const query = { params: { query: { cluster } } };
            // Read, changed and written: whoever reserves at the same time loses nothing by it.
            const now = await mustWithEtag(client.GET('/ports/reserved', query));
            const kept = now.reserved.filter((one) => one.port < chosen[0] || one.port > chosen[1]);
            const more = Array.from({ length: chosen[1] - chosen[0] + 1 }, (_, at) => ({ port: chosen[0] + at, reason }));
            await must(client.PUT('/ports/reserved', { params: { ...query.params, header: seen(now) }, body: { reserved: [...kept, ...more].sort((a, b) => a.port - b.port) } }));
            setChosen(null);
            await queries.invalidateQueries({ queryKey: ['ports'] });
          }}
        >
          <p>{t('ports.reserve-text')}</p>
        </Dialog>
      )}
    </>
  );
}

function Picture({ ports, wanted, chosen, choose, reserve, cluster }: { ports: Port[]; wanted: string; chosen: [number, number] | null; choose: (range: [number, number] | null) => void; reserve: () => void; cluster: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const rows = useMemo(() => rowsOf(ports), [ports]);
  const byNumber = useMemo(() => new Map(ports.map((port) => [port.port, port])), [ports]);
  const [at, setAt] = useState<number>(() => ports.find((port) => matches(port, wanted))?.port ?? ports[0]?.port ?? 0);
  const grid = useRef<HTMLDivElement>(null);
  const dragging = useRef<number | null>(null);
  useEffect(() => {
    const first = wanted === '' ? undefined : ports.find((port) => matches(port, wanted));
    if (first) setAt(first.port);
    // Only where somebody looks for another one.
  }, [wanted]);
  const shown = byNumber.get(at);
  const key = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: kAcross, ArrowUp: -kAcross };
    const step = steps[event.key];
    if (step !== undefined && byNumber.has(at + step)) {
      event.preventDefault();
      const next = at + step;
      setAt(next);
      if (event.shiftKey) choose(chosen ? [Math.min(chosen[0], next), Math.max(chosen[1], next)] : [Math.min(at, next), Math.max(at, next)]);
      grid.current?.querySelector(`[data-port="${next}"]`)?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'r') {
      if (!chosen) choose([at, at]);
      reserve();
    }
  };
  const release = async (port: number) => {
    const query = { params: { query: { cluster } } };
    const now = await mustWithEtag(client.GET('/ports/reserved', query));
    await must(client.PUT('/ports/reserved', { params: { ...query.params, header: seen(now) }, body: { reserved: now.reserved.filter((one) => one.port !== port) } }));
    await queries.invalidateQueries({ queryKey: ['ports'] });
  };
  return (
    <>
      <div className="port-legend">
        {(['used', 'used-by-others', 'reserved', 'free'] as const).map((state) => (
          <span key={state} className="row">
            <i className={`cell ${state}`} aria-hidden /> {t(`ports.${state}`)}
          </span>
        ))}
      </div>
      <div className="port-said" aria-live="polite">
        {shown && (
          <>
            <b className="mono">{shown.port}</b> {t(`ports.${shown.state}`)}
            {shown.state === 'used' && (
              <>
                {' '}
                <Link to={`/deployments/${shown.holder}`}>{shown.holder}</Link> · {shown.port_name} {shown.unit}
              </>
            )}
            {shown.state === 'used-by-others' && ` ${shown.holder}`}
            {shown.state === 'reserved' && (
              <>
                {' '}
                {shown.holder}{' '}
                <Act needs="manage-ports" size="small" onClick={() => void release(shown.port)}>
                  {t('ports.release')}
                </Act>
              </>
            )}
          </>
        )}
      </div>
      <div
        className="ports"
        ref={grid}
        role="application"
        aria-label={t('ports.picture-of', { cluster })}
        aria-roledescription={t('ports.keys')}
        tabIndex={0}
        onKeyDown={key}
        onPointerDown={(event) => {
          const port = Number((event.target as HTMLElement).dataset.port);
          if (!port) return;
          dragging.current = port;
          setAt(port);
          choose(null);
        }}
        onPointerOver={(event) => {
          const port = Number((event.target as HTMLElement).dataset.port);
          if (!port) return;
          setAt(port);
          if (dragging.current !== null && dragging.current !== port) choose([Math.min(dragging.current, port), Math.max(dragging.current, port)]);
        }}
        onPointerUp={() => {
          if (dragging.current !== null && !chosen) choose([dragging.current, dragging.current]);
          dragging.current = null;
        }}
      >
        {rows.map((row) => (
          <PortRow
            key={row.first}
            row={row}
            at={at >= row.first && at < row.first + kAcross ? at : 0}
            wanted={wanted}
            first={chosen && chosen[1] >= row.first && chosen[0] < row.first + kAcross ? chosen[0] : 0}
            last={chosen && chosen[1] >= row.first && chosen[0] < row.first + kAcross ? chosen[1] : 0}
          />
        ))}
      </div>
      <p className="note">{t('ports.keys')}</p>
    </>
  );
}

function PortRow({ row, at, wanted, first, last }: { row: Row; at: number; wanted: string; first: number; last: number }) {
  return (
    <div className="port-row">
      <span className="mono note">{row.first}</span>
      <div>
        {row.cells.map((port) => {
          const marks = [port.port === at ? 'at' : '', matches(port, wanted) ? 'found' : '', first !== 0 && port.port >= first && port.port <= last ? 'chosen' : ''].filter(Boolean).join(' ');
          return <i key={port.port} data-port={port.port} className={`cell ${port.state} ${marks}`} />;
        })}
      </div>
    </div>
  );
}

function PortTable({ ports, wanted }: { ports: Port[]; wanted: string }) {
  const { t } = useTranslation();
  const rows = ports.filter((port) => port.state !== 'free' && (wanted === '' || matches(port, wanted)));
  if (rows.length === 0) return <Empty>{t(wanted === '' ? 'ports.none-used' : 'table.none-fit')}</Empty>;
  return (
    <Table
      name={t('nav.ports')}
      rows={rows.slice(0, 500)}
      keyOf={(one) => String(one.port)}
      columns={[
        { title: t('ports.port'), align: 'right', cell: (one) => <span className="mono">{one.port}</span> },
        { title: t('field.state'), cell: (one) => t(`ports.${one.state}`) },
        { title: t('ports.holder'), wide: true, cell: (one) => (one.state === 'used' ? <Link to={`/deployments/${one.holder}`}>{one.holder}</Link> : one.holder || '—') },
        { title: t('ports.name'), cell: (one) => one.port_name || '—' },
        { title: t('field.unit'), cell: (one) => <span className="mono">{one.unit || '—'}</span> },
      ]}
    />
  );
}

type RangesOf = Schemas['PortRanges'] & { etag: string };
const rangesText = (ranges: Schemas['PortRange'][]) => ranges.map((one) => `${one.first}–${one.last}`).join(', ');

function Ranges({ cluster, of, ports, close }: { cluster: string; of: RangesOf; ports: Port[]; close: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [ranges, setRanges] = useState(of.ranges.map((one) => ({ ...one })));
  const outside = ports.filter((port) => port.state === 'used' && !ranges.some((one) => port.port >= one.first && port.port <= one.last));
  const put = (at: number, change: Partial<Schemas['PortRange']>) => setRanges(ranges.map((one, index) => (index === at ? { ...one, ...change } : one)));
  return (
    <ChangeDialog
      open
      close={close}
      of={of}
      fields={[{ label: t('ports.ranges'), of: (one: RangesOf) => rangesText(one.ranges), mine: rangesText(ranges) }]}
      title={t('ports.ranges-title', { cluster })}
      act={t('act.save')}
      ready={ranges.length > 0 && ranges.every((one) => one.first >= 1024 && one.first <= one.last && one.last <= 65535)}
      run={async ({ now }) => {
        await must(client.PUT('/ports/ranges', { params: { query: { cluster }, header: seen(now) }, body: { ranges } }));
        await queries.invalidateQueries({ queryKey: ['ports'] });
      }}
    >
      {ranges.map((one, at) => (
        <div key={`r${at}`} className="row" style={{ marginBottom: 8 }}>
          <InputNumber aria-label={t('ports.first')} min={1024} max={65535} precision={0} value={one.first} onChange={(value) => put(at, { first: value ?? 0 })} /> –
          <InputNumber aria-label={t('ports.last')} min={1024} max={65535} precision={0} value={one.last} onChange={(value) => put(at, { last: value ?? 0 })} />
          <button type="button" className="plain" disabled={ranges.length === 1} onClick={() => setRanges(ranges.filter((_, index) => index !== at))}>
            {t('act.remove')}
          </button>
        </div>
      ))}
      <button type="button" className="plain" onClick={() => setRanges([...ranges, { first: 32000, last: 32767 }])}>
        {t('ports.more-ranges')}
      </button>
      {outside.length > 0 && <div className="why degraded" style={{ marginTop: 12 }}>{t('ports.outside', { ports: outside.slice(0, 8).map((one) => `${one.port} ${one.holder}`).join('、'), count: outside.length })}</div>}
    </ChangeDialog>
  );
}
