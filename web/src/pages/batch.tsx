// A batch under one address: the plan of it, and once it was begun, how it goes.
import { Button } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { listed, saidError, saidWhy } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { causesOf, clusterOf, leftOf, requestIn } from '../ui/batch.ts';
import { Causes } from '../ui/causes.tsx';
import { Csv } from '../ui/csv.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { duration, groups } from '../ui/format.ts';
import { useKey } from '../ui/keys.ts';
import { Copy, Empty, Facts, Loaded, Of, PageHead, StateOf, Time } from '../ui/parts.tsx';
import { Sheet } from '../ui/sheet.tsx';
import { Facet, Filter, LongTable, useList } from '../ui/table.tsx';
import { Plan } from './batch-plan.tsx';
import { BatchState, Parts, allOf } from './batches.tsx';

type Batch = Schemas['Batch'];
type Item = Schemas['BatchItem'];
// What has to be seen first comes first.
const kOrder: Item['state'][] = ['failed', 'working', 'waiting', 'ready', 'cancelled', 'rolled-back'];

export default function BatchPage() {
  const { id = '' } = useParams();
  return id.startsWith('bp-') ? <Plan key={id} id={id} /> : <Progress key={id} id={id} />;
}

const nameOf = (item: Item) => requestIn(item).name || String(item.number);
const countOf = (counts: Schemas['BatchCounts'], state: Item['state']) => counts[state === 'rolled-back' ? 'rolled_back' : state];

function Progress({ id }: { id: string }) {
  const { t } = useTranslation();
  const asked = useLive(['batch', id], (signal) => must(client.GET('/batches/{id}', { signal, params: { path: { id } } })));
  const batch = asked.data;
  return (
    <>
      <PageHead
        title={t('batch.title', { id })}
        crumbs={[{ to: '/batches', text: t('nav.batches') }]}
        state={batch && <BatchState of={batch} />}
        lead={
          batch && (
            <>
              {t('batch.begun-by', { who: batch.created_by, count: batch.items.length, number: groups(batch.items.length) })} · <Time ms={batch.created_ms} />
              <Copy text={id} what={t('batches.id')} />
            </>
          )
        }
        acts={batch && <Acts of={batch} />}
      />
      <Loaded of={asked}>{(now) => <Content of={now} />}</Loaded>
    </>
  );
}

function Acts({ of }: { of: Batch }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [rollsBack, setRollsBack] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const path = { path: { id: of.id } };
  const rolled = of.asked === 'roll-back';
  const after = (batch: Batch) => {
    queries.setQueryData(['batch', of.id], batch);
    return queries.invalidateQueries();
  };
  const run = async (ask: () => Promise<Batch>) => {
    setBusy(true);
    setError(null);
    try {
      await after(await ask());
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const made = of.items.filter((item) => item.action === 'create' && item.deployment_id !== '' && item.state !== 'cancelled');
  const updated = of.items.filter((item) => item.action === 'update' && item.state !== 'waiting' && item.state !== 'cancelled');
  return (
    <>
      {error !== null && (
        <span className="danger" role="alert">
          {saidError(error)}
        </span>
      )}
      {of.counts.failed > 0 && !rolled && (
        <Act needs="deploy" type="primary" disabled={busy} onClick={() => void run(() => must(client.POST('/batches/{id}/retry', { params: path })))}>
          {t('batch.retry', { count: of.counts.failed })}
        </Act>
      )}
      {of.counts.waiting > 0 && !rolled && (
        <Act needs="deploy" disabled={busy} onClick={() => void run(() => must(client.POST('/batches/{id}/cancel', { params: path })))}>
          {t('batch.cancel', { count: of.counts.waiting })}
        </Act>
      )}
      {!rolled && (
        <Act needs="deploy" danger onClick={() => setRollsBack(true)}>
          {t('deployment.rollback')}
        </Act>
      )}
      <Dialog
        open={rollsBack}
        close={() => setRollsBack(false)}
        danger
        title={t('batch.rollback-title', { id: of.id })}
        act={t('deployment.rollback-act')}
        typed={of.id}
        run={async () => after(await must(client.POST('/batches/{id}/rollback', { params: path, body: { confirm: of.id } })))}
      >
        <p>{t('batch.rollback-text')}</p>
        <Facts
          of={[
            [t('batch.removed'), made.length === 0 ? '—' : <Names key="m" items={made} />],
            [t('batch.goes-back'), updated.length === 0 ? '—' : <Names key="u" items={updated} />],
            [t('batch.not-begun'), groups(of.counts.waiting)],
          ]}
        />
      </Dialog>
    </>
  );
}

function Retry({ batch, item, told }: { batch: string; item: Item; told: (error: unknown) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    told(null);
    try {
      queries.setQueryData(['batch', batch], await must(client.POST('/batches/{id}/retry', { params: { path: { id: batch } }, body: { items: [item.number] } })));
    } catch (failure) {
      told(failure);
      await queries.invalidateQueries({ queryKey: ['batch', batch] });
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" className="plain" disabled={busy} onClick={() => void run()}>
      {t(busy ? 'act.doing' : 'batch.retry-item')}
      <Of>{nameOf(item)}</Of>
    </button>
  );
}

const kNamed = 20;
function Names({ items }: { items: Item[] }) {
  const { t } = useTranslation();
  const names = listed(items.slice(0, kNamed).map(nameOf));
  return <>{items.length > kNamed ? t('batch.and-more', { names, count: items.length - kNamed }) : names}</>;
}

function Content({ of }: { of: Batch }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const list = useList();
  const [looked, setLooked] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const wanted = list.get('show');
  const text = list.get('text').toLowerCase();
  useKey('f', () => list.set({ show: wanted === 'failed' ? '' : 'failed' }));
  const rows = of.items
    .filter((item) => (wanted === '' || item.state === wanted) && (text === '' || nameOf(item).includes(text) || item.deployment_id.includes(text)))
    .sort((a, b) => kOrder.indexOf(a.state) - kOrder.indexOf(b.state) || a.number - b.number);
  const left = leftOf(of, Date.now());
  const failed = causesOf(of.items.filter((item) => item.state === 'failed'), (item) => [{ code: item.code, message: item.message }]);
  const held = causesOf(of.items.filter((item) => item.state === 'waiting' && item.code !== ''), (item) => [{ code: item.code, message: item.message }]);
  const shown = of.items.find((item) => item.number === looked);
  return (
    <>
      <Parts of={of.counts} />
      <div className="counts">
        <b>{t('batch.ready-of', { ready: groups(of.counts.ready), all: groups(allOf(of.counts)) })}</b>
        {kOrder.filter((state) => state !== 'ready' && countOf(of.counts, state) > 0).map((state) => (
          <StateOf key={state} state={state} more={groups(countOf(of.counts, state))} />
        ))}
        {of.state === 'working' && left !== undefined && <span className="second">{t('batch.time-left', { time: duration(left) })}</span>}
        {of.state === 'working' && <span className="note">{t('batch.goes-on')}</span>}
      </div>
      <Causes
        of={failed}
        name={t('batch.why-failed')}
        kind="failed"
        nameOf={nameOf}
        acts={() => (
          <button type="button" className="plain" onClick={() => list.set({ show: 'failed' })}>
            {t('batch.show-these')}
          </button>
        )}
      />
      <Causes of={held} name={t('batch.why-waits')} kind="starting" nameOf={nameOf} />
      {error !== null && (
        <div className="failure" role="alert">
          {saidError(error)}
        </div>
      )}
      <div className="facets">
        <Filter list={list} placeholder={t('batch.filter')} />
        <Facet
          list={list}
          name="show"
          label={t('field.state')}
          values={[
            { value: '', text: `${t('facet.all')} ${groups(of.items.length)}` },
            ...kOrder.filter((state) => countOf(of.counts, state) > 0 || state === wanted).map((state) => ({ value: state, text: `${t(`state.${state}`)} ${groups(countOf(of.counts, state))}` })),
          ]}
        />
        <Csv
          name={`mifeng-${of.id}`}
          head={['#', t('field.name'), t('batch.action'), t('field.state'), t('grants.deployment'), t('deployments.why')]}
          page={(page, size) => Promise.resolve({ items: of.items.slice((page - 1) * size, page * size), total: of.items.length })}
          row={(item: Item) => [item.number, nameOf(item), t(`batch.do-${item.action}`), t(`state.${item.state}`), item.deployment_id, item.code === '' ? '' : saidWhy(item.code, item.message)]}
        />
      </div>
      {rows.length === 0 ? (
        <Empty>{t('table.none-fit')}</Empty>
      ) : (
        <LongTable
          name={t('batch.items-of', { id: of.id })}
          rows={rows}
          keyOf={(item) => String(item.number)}
          columns={[
            { title: '#', align: 'right', width: 56, cell: (item) => item.number },
            { title: t('field.name'), width: 184, cell: (item) => (item.deployment_id !== '' && item.state !== 'rolled-back' ? <Link to={`/deployments/${item.deployment_id}`}>{nameOf(item)}</Link> : nameOf(item)) },
            { title: t('batch.action'), width: 80, cell: (item) => t(`batch.do-${item.action}`) },
            { title: t('field.state'), width: 112, cell: (item) => <StateOf state={item.state} /> },
            { title: t('deployments.why'), wide: true, width: 200, cell: (item) => item.code !== '' && <span title={saidWhy(item.code, item.message)}>{saidWhy(item.code, item.message)}</span> },
            { title: t('field.cluster'), width: 96, cell: (item) => clusterOf(item) },
            { title: t('field.changed'), align: 'right', width: 128, cell: (item) => <Time ms={item.changed_ms} /> },
            {
              title: '',
              width: 168,
              cell: (item) => (
                <span className="row row-acts">
                  {item.deployment_id !== '' && may('deploy') && item.state !== 'rolled-back' && (
                    <Link to={`/deployments/${item.deployment_id}/logs`}>
                      {t('deployment.logs')}
                      <Of>{nameOf(item)}</Of>
                    </Link>
                  )}
                  {item.state === 'failed' && may('deploy') && of.asked !== 'roll-back' && <Retry batch={of.id} item={item} told={setError} />}
                  <button type="button" className="plain" onClick={() => setLooked(item.number)}>
                    {t('submit.look')}
                    <Of>{nameOf(item)}</Of>
                  </button>
                </span>
              ),
            },
          ]}
        />
      )}
      {shown && (
        <Sheet open close={() => setLooked(null)} title={t('batch.item', { number: shown.number, name: nameOf(shown) })}>
          <p>
            <StateOf state={shown.state} /> <Time ms={shown.changed_ms} absolute />
          </p>
          {shown.code !== '' && (
            <div className={shown.state === 'failed' ? 'why' : 'why starting'}>
              {saidWhy(shown.code, shown.message)} <span className="note mono">{shown.code}</span>
            </div>
          )}
          <h3>{t('batch.asked-for')}</h3>
          <pre tabIndex={0}>{JSON.stringify(shown.request, null, 2)}</pre>
          <div className="row" style={{ justifyContent: 'flex-end', marginTop: 16 }}>
            <Button onClick={() => setLooked(null)}>{t('act.close')}</Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
