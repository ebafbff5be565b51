// The plan of a batch: what would be made of each item, what cannot, and why; items are corrected or taken out, and the rest
// is begun.
import { Button, Checkbox, Input, InputNumber, Select } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useNavigate } from 'react-router';
import { type Schemas, client, errorOf, must } from '../api/client.ts';
import { ApiError } from '../api/error.ts';
import { useLive } from '../api/live.ts';
import { useMe } from '../api/session.tsx';
import { asSentence, said, saidError, saidWhy } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { type Kept, keepPlan, recallPlan } from '../ui/batch-kept.ts';
import { type Edit, causesOf, clusterOf, editOf, keyOf, movedBetween, requestIn, requestOf, wishesOf, withEdit } from '../ui/batch.ts';
import { Causes } from '../ui/causes.tsx';
import { Changes } from '../ui/changes.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { dropDraft } from '../ui/draft.ts';
import { bytes, groups, moment } from '../ui/format.ts';
import { useKey } from '../ui/keys.ts';
import { Copy, Empty, Failure, Loaded, Of, PageHead, State, Time } from '../ui/parts.tsx';
import { Facet, Filter, LongTable, useList } from '../ui/table.tsx';

type BatchPlan = Schemas['BatchPlan'];
type Item = Schemas['BatchPlanItem'];
const kMoved = 6;

const nameOf = (item: Item) => requestIn(item).name || item.model || item.version;
const sourceOf = (item: Item) => (item.model === '' ? item.version : `${item.vendor_id}/${item.model} ${item.version}`);

export function Plan({ id }: { id: string }) {
  const { t } = useTranslation();
  const me = useMe();
  const asked = useLive(['batch-plan', id], (signal) => must(client.GET('/batches/plans/{id}', { signal, params: { path: { id } } })));
  const gone = asked.error instanceof ApiError && asked.error.reason === 'plan-gone';
  if (asked.data && asked.data.batch_id !== '') return <Navigate to={`/batches/${asked.data.batch_id}`} replace />;
  return (
    <>
      <PageHead
        title={t('plan.title')}
        crumbs={[{ to: '/batches', text: t('nav.batches') }]}
        lead={
          asked.data && (
            <>
              {t('plan.made-by', { who: asked.data.created_by })} · <Time ms={asked.data.created_ms} /> · {t('plan.kept-until', { time: moment(asked.data.expires_ms).slice(11, 16) })}
              <Copy text={id} what={t('batches.id')} />
            </>
          )
        }
      />
      {gone ? (
        <Empty act={<Again known={recallPlan(me.id, id)} />}>{t('plan.gone')}</Empty>
      ) : (
        <Loaded of={asked}>{(plan) => <Content plan={plan} />}</Loaded>
      )}
    </>
  );
}

// Makes the plan anew, of the same wishes.
function usePlanning() {
  const me = useMe();
  const navigate = useNavigate();
  const queries = useQueryClient();
  return async (kept: Kept) => {
    const plan = await must(client.POST('/batches/plans', { body: requestOf(kept.wishes) }));
    queries.setQueryData(['batch-plan', plan.id], plan);
    keepPlan(me.id, plan.id, kept);
    await navigate(`/batches/${plan.id}`, { replace: true });
  };
}

function Again({ known }: { known: Kept | null }) {
  const { t } = useTranslation();
  const planAgain = usePlanning();
  const [error, setError] = useState<unknown>(null);
  if (!known) return <Link to="/batches/new">{t('batches.new')}</Link>;
  return (
    <>
      {error !== null && <Failure error={error} />}
      <Act needs="deploy" type="primary" onClick={() => void planAgain({ ...known, from: '', said: '' }).catch(setError)}>
        {t('plan.again')}
      </Act>
    </>
  );
}

function Content({ plan }: { plan: BatchPlan }) {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const list = useList();
  const planAgain = usePlanning();
  const [kept, setKept] = useState<Kept>(() => recallPlan(me.id, plan.id) ?? { wishes: wishesOf(plan), out: [], from: '', said: '' });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [looked, setLooked] = useState<number | null>(null);
  const { wishes } = kept;
  const out = new Set(kept.out);
  const isOut = (item: Item) => out.has(keyOf(wishes, item));
  const takeOut = (items: Item[], away: boolean) => {
    const keys = new Set(items.map((item) => keyOf(wishes, item)));
    const next = { ...kept, out: away ? [...new Set([...kept.out, ...keys])] : kept.out.filter((key) => !keys.has(key)) };
    setKept(next);
    keepPlan(me.id, plan.id, next);
  };
  const within = plan.items.filter((item) => !isOut(item));
  const refused = within.filter((item) => item.refusals.length > 0);
  const fits = within.filter((item) => item.refusals.length === 0);

  const wanted = list.get('show');
  const text = list.get('text').toLowerCase();
  useKey('f', () => list.set({ show: wanted === 'refused' ? '' : 'refused' }));
  const shows: Record<string, (item: Item) => boolean> = {
    refused: (item) => item.refusals.length > 0 && !isOut(item),
    warned: (item) => item.warnings.length > 0 && !isOut(item),
    create: (item) => item.action === 'create' && item.refusals.length === 0 && !isOut(item),
    update: (item) => item.action === 'update' && item.refusals.length === 0 && !isOut(item),
    none: (item) => item.action === 'none' && item.refusals.length === 0 && !isOut(item),
    out: isOut,
  };
  const rows = plan.items.filter((item) => (shows[wanted]?.(item) ?? true) && (text === '' || nameOf(item).includes(text) || sourceOf(item).toLowerCase().includes(text)));

  const again = (next: Kept) => planAgain({ ...next, from: '', said: '' });
  const start = async () => {
    if (busy || fits.length === 0) return;
    setBusy(true);
    setError(null);
    try {
      const without = plan.items.filter((item) => isOut(item) || item.refusals.length > 0).map((item) => item.number);
      const { data, error: refusal, response } = await client.POST('/batches', { body: { plan: plan.id, ...(without.length > 0 ? { without } : {}) } });
      const moved = response.status === 409 ? (refusal as Schemas['BatchRefusal']) : undefined;
      if (moved?.plan) {
        // The ground moved: the plan that would hold now is looked at first.
        queries.setQueryData(['batch-plan', moved.plan.id], moved.plan);
        keepPlan(me.id, moved.plan.id, { ...kept, from: plan.id, said: moved.message });
        await navigate(`/batches/${moved.plan.id}`, { replace: true });
        return;
      }
      if (!data) throw errorOf(response.status, refusal);
      queries.setQueryData(['batch', data.id], data);
      dropDraft(me.id, 'batch');
      await queries.invalidateQueries({ queryKey: ['batches'] });
      await navigate(`/batches/${data.id}`, { replace: true });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const facet = (name: string) => ({ value: name, text: `${t(`plan.show-${name}`)} ${groups(plan.items.filter((item) => shows[name]?.(item)).length)}` });
  const shown = plan.items.find((item) => item.number === looked);
  return (
    <>
      {kept.said !== '' && <Moved message={kept.said} before={queries.getQueryData<BatchPlan>(['batch-plan', kept.from])} after={plan} />}
      <p>
        <b className="big">{groups(fits.length)}</b> {t('plan.fit', { count: fits.length })}
        {refused.length > 0 && (
          <>
            {' · '}
            <State kind="failed">{t('plan.refused', { count: refused.length })}</State>
          </>
        )}
        {out.size > 0 && (
          <>
            {' · '}
            <span className="second">{t('plan.out', { count: plan.items.length - within.length })}</span>
          </>
        )}
      </p>
      {plan.clusters.map((one) => (
        <div key={one.cluster} className="second">
          {one.cluster}: {t('plan.needs', { cpu: Math.round(one.cpu_millis / 100) / 10, memory: bytes(one.memory_bytes), ports: groups(one.ports), count: one.ports })}
          {one.known && ` · ${t('deploy.free', { cpu: Math.round(one.cpu_millis_free / 100) / 10, memory: bytes(one.memory_bytes_free) })}`}
        </div>
      ))}
      {error !== null && <Failure error={error} />}
      <div className="row" style={{ margin: '16px 0' }}>
        <Act needs="deploy" type="primary" disabled={busy || fits.length === 0} onClick={() => void start()}>
          {busy ? t('deploy.doing') : refused.length > 0 ? t('plan.start-without', { count: fits.length, refused: refused.length }) : t('plan.start', { count: fits.length })}
        </Act>
        <Button
          disabled={busy}
          onClick={() => {
            setError(null);
            void again(kept).catch(setError);
          }}
        >
          {t('plan.again')}
        </Button>
        <Link to="/batches/new">{t('plan.change-all')}</Link>
      </div>
      <Causes
        of={causesOf(refused, (item) => item.refusals)}
        name={t('plan.why-refused')}
        kind="failed"
        nameOf={nameOf}
        acts={(cause) => (
          <span className="row">
            {cause.items.length === 1 && cause.items[0] && (
              <button type="button" className="plain" onClick={() => setLooked(cause.items[0]?.number ?? null)}>
                {t('act.edit-ask')}
              </button>
            )}
            <button type="button" className="plain" onClick={() => takeOut(cause.items, true)}>
              {t('plan.take-out', { count: cause.items.length })}
            </button>
          </span>
        )}
      />
      <Causes
        of={causesOf(fits, (item) => item.warnings.map((warning) => ({ code: warning, message: warning })))}
        name={t('plan.warnings')}
        kind="degraded"
        nameOf={nameOf}
        acts={() => (
          <button type="button" className="plain" onClick={() => list.set({ show: 'warned' })}>
            {t('batch.show-these')}
          </button>
        )}
      />
      <div className="facets">
        <Filter list={list} placeholder={t('batch.filter')} />
        <Facet
          list={list}
          name="show"
          label={t('plan.show')}
          values={[
            { value: '', text: `${t('facet.all')} ${groups(plan.items.length)}` },
            ...Object.keys(shows)
              .filter((name) => name === wanted || plan.items.some((item) => shows[name]?.(item)))
              .map(facet),
          ]}
        />
      </div>
      {rows.length === 0 ? (
        <Empty>{t('table.none-fit')}</Empty>
      ) : (
        <LongTable
          name={t('plan.items')}
          rows={rows}
          keyOf={(item) => String(item.number)}
          rowClass={(item) => (isOut(item) ? 'out' : undefined)}
          onKey={(key, item) => key === 'x' && takeOut([item], !isOut(item))}
          columns={[
            { title: '#', align: 'right', width: 56, cell: (item) => item.number },
            { title: t('field.name'), width: 144, cell: (item) => nameOf(item) },
            { title: t('field.model'), width: 136, cell: (item) => (item.model === '' ? item.version : <Link to={`/models/${item.vendor_id}/${item.model}/${item.version}`}>{`${item.model} ${item.version}`}</Link>) },
            { title: t('batch.action'), width: 112, cell: (item) => (item.action === 'update' ? t('plan.update-from', { number: item.from_revision }) : t(`batch.do-${item.action}`)) },
            { title: t('field.cluster'), width: 72, cell: (item) => clusterOf(item) },
            { title: t('plan.replicas'), align: 'right', width: 96, cell: (item) => requestIn(item).replicas ?? <span className="second">{t('plan.as-signed')}</span> },
            { title: t('deployment.ports'), width: 96, cell: (item) => <Ports of={item} /> },
            { title: t('deploy.prefix'), width: 120, cell: (item) => <span className="mono">{requestIn(item).route?.prefix ?? '—'}</span> },
            { title: t('plan.problem'), wide: true, width: 120, cell: (item) => <Problem of={item} /> },
            {
              title: '',
              width: 120,
              cell: (item) => (
                <span className="row row-acts">
                  <button type="button" className="plain" onClick={() => setLooked(item.number)}>
                    {t('act.edit-ask')}
                    <Of>{nameOf(item)}</Of>
                  </button>
                  <button type="button" className="plain" onClick={() => takeOut([item], !isOut(item))}>
                    {t(isOut(item) ? 'plan.put-back' : 'plan.take-out-one')}
                    <Of>{nameOf(item)}</Of>
                  </button>
                </span>
              ),
            },
          ]}
        />
      )}
      <p className="note" style={{ marginTop: 8 }}>
        {t('plan.keys')}
      </p>
      {shown && <EditItem item={shown} edit={editOf(wishes, shown)} close={() => setLooked(null)} save={(edit) => again({ ...kept, wishes: withEdit(wishes, shown, edit) })} />}
    </>
  );
}

function Ports({ of }: { of: Item }) {
  const [first, ...more] = of.ports.map((port) => port.node_port);
  if (first === undefined) return '—';
  return (
    <span title={[first, ...more].join(', ')}>
      <span className="mono">{first}</span>
      {more.length > 0 && ` +${more.length}`}
    </span>
  );
}

function Problem({ of }: { of: Item }) {
  const refusal = of.refusals[0];
  if (refusal) {
    const text = saidWhy(refusal.code, refusal.message);
    return (
      <span className="danger" title={text}>
        ✕ {text}
      </span>
    );
  }
  const text = of.warnings.map(said).join(' · ');
  return text === '' ? null : <span title={text}>{text}</span>;
}

function Moved({ message, before, after }: { message: string; before: BatchPlan | undefined; after: BatchPlan }) {
  const { t } = useTranslation();
  const moved = before ? movedBetween(before, after) : [];
  return (
    <div className="why degraded" role="alert">
      <h2>{t('plan.moved')}</h2>
      {moved.length === 0 && <div>{saidError(new ApiError(409, 'conflict', 'plan-changed', message))}</div>}
      {moved.slice(0, kMoved).map((one) => (
        <div key={`${one.name} ${one.what}`}>{t(`plan.moved-${one.what}`, { name: one.name, before: one.before, after: one.what === 'refused' ? saidWhy(one.before, one.after) : one.after })}</div>
      ))}
      {moved.length > kMoved && <div>{t('plan.moved-more', { count: moved.length - kMoved })}</div>}
    </div>
  );
}

const kResources = ['cpu', 'memory'] as const;
const envText = (edit: { env?: { name: string; value: string }[] }) => (edit.env ?? []).map((one) => `${one.name}=${one.value}`).join('\n');

function EditItem({ item, edit, close, save }: { item: Item; edit: Edit; close: () => void; save: (edit: Edit) => Promise<void> }) {
  const { t } = useTranslation();
  const request = requestIn(item);
  const clusters = useLive(['clusters'], (signal) => must(client.GET('/clusters', { signal })));
  const [name, setName] = useState(request.name ?? '');
  const [cluster, setCluster] = useState(request.cluster ?? '');
  const [replicas, setReplicas] = useState<number | null>(request.replicas ?? null);
  const [prefix, setPrefix] = useState(request.route?.prefix ?? '');
  const [ports, setPorts] = useState((request.ports ?? []).join(', '));
  const [env, setEnv] = useState(envText(request));
  const [requests, setRequests] = useState<Record<string, string>>(request.requests ?? {});
  const [limits, setLimits] = useState<Record<string, string>>(request.limits ?? {});
  const [network, setNetwork] = useState(request.allow_network ?? false);
  const filled = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ''));
  const numbers = ports.split(/[\s,，、]+/).filter((one) => one !== '');
  const portsRight = numbers.every((one) => /^\d{1,5}$/.test(one));
  const lines = env.split('\n').filter((line) => line.trim() !== '');
  const envRight = lines.every((line) => line.indexOf('=') > 0);
  const wish = (): Edit => {
    const next: Edit = { ...edit };
    const put = <K extends keyof Edit>(key: K, changed: boolean, value: Edit[K] | undefined) => {
      if (!changed) return;
      if (value === undefined) delete next[key];
      else next[key] = value;
    };
    put('name', name !== (request.name ?? ''), name);
    put('cluster', cluster !== (request.cluster ?? ''), cluster || undefined);
    put('replicas', replicas !== (request.replicas ?? null), replicas ?? undefined);
    put('ports', ports !== (request.ports ?? []).join(', '), numbers.length > 0 ? numbers.map(Number) : undefined);
    put('env', env !== envText(request), lines.length > 0 ? lines.map((line) => ({ name: line.slice(0, line.indexOf('=')).trim(), value: line.slice(line.indexOf('=') + 1) })) : undefined);
    put('requests', JSON.stringify(filled(requests)) !== JSON.stringify(request.requests ?? {}), filled(requests));
    put('limits', JSON.stringify(filled(limits)) !== JSON.stringify(request.limits ?? {}), filled(limits));
    put('allow_network', network !== (request.allow_network ?? false), network || undefined);
    // A route of its own says again what the former one said.
    put('route', prefix !== (request.route?.prefix ?? ''), prefix === '' ? undefined : { ...request.route, name, prefix });
    return next;
  };
  return (
    <Dialog
      open
      close={close}
      title={t('batch.item', { number: item.number, name: nameOf(item) })}
      act={t('plan.save-item')}
      doing={t('deploy.planning')}
      ready={/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name) && portsRight && envRight}
      run={() => save(wish())}
    >
      <p className="second">{sourceOf(item)}</p>
      {item.refusals.map((refusal) => (
        <div key={refusal.code + refusal.message} className="why">
          {saidWhy(refusal.code, refusal.message)}
          <div className="note">{asSentence(said(refusal.remedy))}</div>
        </div>
      ))}
      {item.warnings.map((warning) => (
        <div key={warning} className="why degraded">
          {said(warning)}
        </div>
      ))}
      {item.action === 'update' && item.refusals.length === 0 && <Changes of={item.changes} />}
      <label htmlFor="item-name">{t('field.name')}</label>
      <Input id="item-name" value={name} maxLength={64} autoComplete="off" onChange={(event) => setName(event.target.value.toLowerCase())} />
      <div className="note">{t('deploy.name-rule')}</div>
      <div className="pair">
        <div>
          <label htmlFor="item-cluster">{t('field.cluster')}</label>
          <Select id="item-cluster" style={{ width: '100%' }} value={cluster || null} options={(clusters.data?.items ?? []).map((one) => ({ value: one.id, label: one.id }))} onChange={(value) => setCluster(value ?? '')} />
        </div>
        <div>
          <label htmlFor="item-replicas">{t('field.replicas')}</label>
          <InputNumber id="item-replicas" style={{ width: '100%' }} min={0} max={64} precision={0} placeholder={t('plan.as-signed')} value={replicas} onChange={setReplicas} />
        </div>
        <div>
          <label htmlFor="item-prefix">{t('deploy.prefix')}</label>
          <Input id="item-prefix" value={prefix} maxLength={512} autoComplete="off" onChange={(event) => setPrefix(event.target.value)} />
        </div>
        <div>
          <label htmlFor="item-ports">{t('deploy.ports')}</label>
          <Input id="item-ports" value={ports} placeholder={item.ports.map((port) => port.node_port).join(', ')} status={portsRight ? '' : 'error'} autoComplete="off" onChange={(event) => setPorts(event.target.value)} />
        </div>
        {kResources.map((resource) => (
          <div key={resource}>
            <label htmlFor={`item-${resource}`}>
              {resource} {t('deploy.requests')} ≥ · {t('deploy.limits')} ≤
            </label>
            <div className="row" style={{ flexWrap: 'nowrap' }}>
              <Input id={`item-${resource}`} prefix="≥" aria-label={`${resource} ${t('deploy.requests')}`} placeholder={t('plan.as-signed')} maxLength={64} value={requests[resource] ?? ''} onChange={(event) => setRequests({ ...requests, [resource]: event.target.value })} />
              <Input prefix="≤" aria-label={`${resource} ${t('deploy.limits')}`} placeholder={t('plan.as-signed')} maxLength={64} value={limits[resource] ?? ''} onChange={(event) => setLimits({ ...limits, [resource]: event.target.value })} />
            </div>
          </div>
        ))}
      </div>
      <label htmlFor="item-env">{t('config.env')}</label>
      <Input.TextArea id="item-env" rows={2} className="mono" value={env} placeholder={t('plan.env-lines')} status={envRight ? '' : 'error'} onChange={(event) => setEnv(event.target.value)} />
      <div style={{ marginTop: 8 }}>
        <Checkbox checked={network} onChange={(event) => setNetwork(event.target.checked)}>
          {t('deploy.network-text')}
        </Checkbox>
      </div>
    </Dialog>
  );
}
