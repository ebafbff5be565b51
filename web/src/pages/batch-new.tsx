// What a batch is made of: versions that were picked, or all that a filter finds; how they are called; and what holds for
// all of them. The plan comes of it.
import { Checkbox, Input, InputNumber, Select } from 'antd';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, Fragment, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useNavigate, useSearchParams } from 'react-router';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useMe } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { keepPlan } from '../ui/batch-kept.ts';
import { type Brought, type Filter, type Pick, type Wishes, kFilterFields, kNothing, pickOf, requestOf } from '../ui/batch.ts';
import { useDraft } from '../ui/draft.ts';
import { groups } from '../ui/format.ts';
import { Failure, Of, PageHead } from '../ui/parts.tsx';
import { LongTable } from '../ui/table.tsx';
import { WhoMayCall } from '../ui/who-may-call.tsx';

export default function BatchNew() {
  const { t } = useTranslation();
  const me = useMe();
  const location = useLocation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [params] = useSearchParams();
  const { draft, change, restored, discard } = useDraft<Wishes>('batch', kNothing);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  // What is brought along is taken over once: a reload must not undo what was changed since.
  useEffect(() => {
    const picks = (location.state as Brought | null)?.picks;
    if (picks) change({ by: 'picks', picks });
    else if (kFilterFields.some((name) => params.has(name)))
      change({ by: 'filter', filter: Object.fromEntries(kFilterFields.map((name) => [name, params.get(name) ?? ''])) as Filter, except: [], edits: {} });
    else return;
    void navigate('/batches/new', { replace: true });
  }, []);

  const whole = draft.by === 'filter';
  const ready = (whole || draft.picks.length > 0) && draft.name.trim() !== '';
  const plan = async (event?: FormEvent) => {
    event?.preventDefault();
    if (busy || !ready) return;
    setBusy(true);
    setError(null);
    try {
      const made = await must(client.POST('/batches/plans', { body: requestOf(draft) }));
      queries.setQueryData(['batch-plan', made.id], made);
      keepPlan(me.id, made.id, { wishes: draft, out: [], from: '', said: '' });
      await navigate(`/batches/${made.id}`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <>
      <PageHead title={t('batches.new')} crumbs={[{ to: '/batches', text: t('nav.batches') }]} lead={t('wish.lead')} />
      <form
        onSubmit={(event) => void plan(event)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.nativeEvent.isComposing) void plan();
          else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.preventDefault();
        }}
      >
        {restored && (
          <p className="note">
            {t('draft.restored')}{' '}
            <button type="button" className="plain" onClick={discard}>
              {t('draft.discard')}
            </button>
          </p>
        )}
        <h2>{t('wish.which')}</h2>
        <div className="facets" role="group" aria-label={t('wish.which')}>
          {(['picks', 'filter'] as const).map((by) => (
            <button key={by} type="button" className="facet" aria-pressed={draft.by === by} onClick={() => change({ by })}>
              {t(`wish.by-${by}`)} {by === 'picks' && draft.picks.length > 0 && groups(draft.picks.length)}
            </button>
          ))}
        </div>
        {whole ? <ByFilter draft={draft} change={change} /> : <Picks draft={draft} change={change} />}
        <h2>{t('wish.how')}</h2>
        <ForAll draft={draft} change={change} />
        {error !== null && (
          <div className="failure" role="alert" style={{ marginTop: 16 }}>
            {saidError(error)}
          </div>
        )}
        <div className="row" style={{ marginTop: 24 }}>
          <Act needs="deploy" type="primary" htmlType="submit" disabled={!ready || busy}>
            {busy ? t('deploy.planning') : t('wish.plan')}
          </Act>
          <kbd>Ctrl Enter</kbd>
          <span className="note">{t('wish.nothing-yet')}</span>
        </div>
      </form>
    </>
  );
}

interface Part {
  draft: Wishes;
  change: (changes: Partial<Wishes>) => void;
}

function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

function Picks({ draft, change }: Part) {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const settled = useSettled(search, 200);
  const versions = useQuery({
    queryKey: ['models', 'accepted', settled],
    queryFn: ({ signal }) => must(client.GET('/models', { signal, params: { query: { state: 'accepted', text: settled || undefined, page_size: 50 } } })),
    placeholderData: keepPreviousData,
  });
  const put = (at: number, edit: Pick['edit']) => change({ picks: draft.picks.map((one, index) => (index === at ? { ...one, edit } : one)) });
  const rows = draft.picks.map((one, at) => ({ ...one, at }));
  return (
    <>
      <div className="row" style={{ marginBottom: 12 }}>
        <Select
          aria-label={t('wish.add')}
          style={{ width: 360, maxWidth: '100%' }}
          showSearch={{ filterOption: false, onSearch: setSearch, searchValue: search }}
          value={null}
          placeholder={t('wish.add')}
          notFoundContent={t('table.none-fit')}
          options={(versions.data?.items ?? []).map((one) => ({ value: one.id, label: `${one.name} ${one.version} · ${one.vendor_name || one.vendor_id}` }))}
          onChange={(id: string | null) => {
            const found = versions.data?.items.find((one) => one.id === id);
            if (found) change({ picks: [...draft.picks, pickOf(found)] });
            setSearch('');
          }}
        />
        <Link to="/models?state=accepted">{t('wish.from-models')}</Link>
        {draft.picks.length > 0 && (
          <button type="button" className="plain" onClick={() => change({ picks: [] })}>
            {t('wish.clear')}
          </button>
        )}
      </div>
      {rows.length === 0 ? (
        <p className="second">{t('wish.none')}</p>
      ) : (
        <LongTable
          name={t('wish.by-picks')}
          rows={rows}
          keyOf={(one) => `${one.at} ${one.version_id}`}
          columns={[
            { title: '#', align: 'right', width: 64, cell: (one) => one.at + 1 },
            { title: t('field.model'), wide: true, width: 200, cell: (one) => (one.model === '' ? one.version : `${one.model} ${one.version}`) },
            { title: t('field.vendor'), width: 144, cell: (one) => one.vendor_id },
            {
              title: t('field.name'),
              width: 232,
              cell: (one) => (
                <Input
                  size="small"
                  aria-label={t('wish.name-of', { number: one.at + 1, model: one.model })}
                  maxLength={32}
                  autoComplete="off"
                  placeholder={filled(draft.name, one)}
                  value={one.edit.name ?? ''}
                  onChange={(event) => put(one.at, without(one.edit, 'name', event.target.value.toLowerCase()))}
                />
              ),
            },
            {
              title: t('field.replicas'),
              width: 128,
              cell: (one) => (
                <InputNumber
                  size="small"
                  style={{ width: 96 }}
                  aria-label={t('wish.replicas-of', { number: one.at + 1, model: one.model })}
                  min={0}
                  max={64}
                  precision={0}
                  placeholder={draft.replicas === null ? t('plan.as-signed') : String(draft.replicas)}
                  value={one.edit.replicas ?? null}
                  onChange={(value) => put(one.at, without(one.edit, 'replicas', value ?? undefined))}
                />
              ),
            },
            {
              title: '',
              width: 168,
              cell: (one) => (
                <span className="row row-acts">
                  <button type="button" className="plain" onClick={() => change({ picks: [...draft.picks.slice(0, one.at + 1), { ...draft.picks[one.at], edit: {} } as Pick, ...draft.picks.slice(one.at + 1)] })}>
                    {t('wish.once-more')}
                    <Of>{one.model}</Of>
                  </button>
                  <button type="button" className="plain" onClick={() => change({ picks: draft.picks.filter((_, at) => at !== one.at) })}>
                    {t('plan.take-out-one')}
                    <Of>{one.model}</Of>
                  </button>
                </span>
              ),
            },
          ]}
        />
      )}
    </>
  );
}

function without<K extends keyof Pick['edit']>(edit: Pick['edit'], key: K, value: Pick['edit'][K] | ''): Pick['edit'] {
  const next = { ...edit };
  if (value === undefined || value === '') delete next[key];
  else next[key] = value as Pick['edit'][K];
  return next;
}

const filled = (pattern: string, of: { vendor_id: string; model: string; version: string }) =>
  pattern.replaceAll('{vendor}', of.vendor_id).replaceAll('{model}', of.model).replaceAll('{version}', of.version);

function ByFilter({ draft, change }: Part) {
  const { t } = useTranslation();
  const [search, setSearch] = useState('');
  const settled = useSettled(draft.filter, 250);
  const settledSearch = useSettled(search, 200);
  const query = { ...(Object.fromEntries(Object.entries(settled).filter(([, value]) => value.trim() !== '')) as Partial<Filter>), state: 'accepted' as const };
  const vendors = useLive(['vendors', 'all'], (signal) => must(client.GET('/vendors', { signal, params: { query: { page_size: 200 } } })));
  const found = useQuery({
    queryKey: ['models', 'fit', query],
    queryFn: ({ signal }) => must(client.GET('/models', { signal, params: { query: { ...query, page_size: 1 } } })),
    placeholderData: keepPreviousData,
  });
  const excepts = useQuery({
    queryKey: ['models', 'except', query, settledSearch],
    queryFn: ({ signal }) => must(client.GET('/models', { signal, params: { query: { ...query, ...(settledSearch === '' ? {} : { name: settledSearch }), page_size: 200 } } })),
    placeholderData: keepPreviousData,
  });
  const set = (name: keyof Filter, value: string) => change({ filter: { ...draft.filter, [name]: value }, edits: {} });
  const names = [...new Set((excepts.data?.items ?? []).map((one) => `${one.vendor_id}/${one.name}`))];
  return (
    <div className="form">
      <label htmlFor="filter-vendor">{t('field.vendor')}</label>
      <Select
        id="filter-vendor"
        allowClear
        showSearch={{ optionFilterProp: 'label' }}
        placeholder={t('facet.all')}
        value={draft.filter.vendor || null}
        options={(vendors.data?.items ?? []).map((one) => ({ value: one.id, label: one.name === one.id ? one.id : `${one.name} · ${one.id}` }))}
        onChange={(value?: string | null) => set('vendor', value ?? '')}
      />
      {(['function', 'language', 'name', 'text'] as const).map((name) => (
        <Fragment key={name}>
          <label htmlFor={`filter-${name}`}>{t(name === 'text' ? 'wish.text' : name === 'name' ? 'config.model' : `field.${name}`)}</label>
          <Input id={`filter-${name}`} allowClear placeholder={t(name === 'language' ? 'wish.exactly' : 'wish.part')} maxLength={name === 'language' ? 64 : 200} value={draft.filter[name]} onChange={(event) => set(name, event.target.value)} />
        </Fragment>
      ))}
      <label htmlFor="filter-except">{t('wish.except')}</label>
      <div>
        <Select
          id="filter-except"
          mode="multiple"
          style={{ width: '100%' }}
          placeholder={t('wish.except-none')}
          showSearch={{ filterOption: false, onSearch: setSearch }}
          value={draft.except}
          notFoundContent={t('table.none-fit')}
          options={names.map((name) => ({ value: name, label: name }))}
          onChange={(value: string[]) => change({ except: value })}
        />
        <span className="note">{found.data ? t('wish.fit', { count: found.data.total, number: groups(found.data.total) }) : ' '}</span>
        {found.error && !found.data && <Failure error={found.error} again={() => void found.refetch()} />}
      </div>
    </div>
  );
}

function ForAll({ draft, change }: Part) {
  const { t } = useTranslation();
  const clusters = useLive(['clusters'], (signal) => must(client.GET('/clusters', { signal })));
  const callers = useLive(['callers', 'all'], (signal) => must(client.GET('/callers', { signal, params: { query: { page_size: 200 } } })));
  const example = draft.by === 'picks' && draft.picks[0] ? draft.picks[0] : { vendor_id: 'acme', model: 'wheat', version: '1.2.0' };
  return (
    <div className="form">
      <label htmlFor="wish-name">{t('wish.name')}</label>
      <div>
        <Input id="wish-name" className="mono" value={draft.name} maxLength={100} autoComplete="off" onChange={(event) => change({ name: event.target.value })} />
        <span className="note">
          {t('wish.pattern')} {example.model} {example.version} → <span className="mono">{filled(draft.name, example) || '—'}</span>
        </span>
      </div>
      <label htmlFor="wish-prefix">{t('deploy.prefix')}</label>
      <div>
        <Input id="wish-prefix" className="mono" value={draft.prefix} maxLength={512} placeholder="/{vendor}/{model}" autoComplete="off" onChange={(event) => change({ prefix: event.target.value })} />
        <span className="note">{draft.prefix === '' ? t('deploy.prefix-note') : <>→ <span className="mono">{filled(draft.prefix, example)}</span></>}</span>
      </div>
      {draft.prefix !== '' && (
        <WhoMayCall id="wish-callers" known={callers.data?.items ?? []} choice={draft} change={change} />
      )}
      <label htmlFor="wish-cluster">{t('field.cluster')}</label>
      <Select
        id="wish-cluster"
        value={draft.cluster || 'local'}
        options={(clusters.data?.items ?? []).map((one) => ({ value: one.id, label: one.name === one.id ? one.id : `${one.id} · ${one.name}`, disabled: one.state === 'away' }))}
        onChange={(value: string | null) => change({ cluster: value ?? '' })}
      />
      <label htmlFor="wish-replicas">{t('field.replicas')}</label>
      <InputNumber id="wish-replicas" style={{ width: 160 }} min={0} max={64} precision={0} placeholder={t('plan.as-signed')} value={draft.replicas} onChange={(value) => change({ replicas: value })} />
      <span className="label">{t('deploy.network')}</span>
      <Checkbox checked={draft.network} onChange={(event) => change({ network: event.target.checked })}>
        {t('wish.network')}
      </Checkbox>
    </div>
  );
}
