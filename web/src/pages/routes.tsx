import { Checkbox, Input, InputNumber, Select, Switch } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Schemas, client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { type Asks, EntryDialogs } from '../ui/entry.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Id, Loaded, PageHead, State, Time } from '../ui/parts.tsx';
import { type Field, merged } from '../ui/rests.ts';
import { Filter, Pages, Table, useList } from '../ui/table.tsx';

const kSize = 50;
type Route = Schemas['Route'];
type RouteInput = Schemas['RouteInput'];
const kNew: RouteInput = { name: '', prefix: '', forward: '', enabled: true, open: false, callers: [], stream_requests: false, idempotent: false, pass_headers: [], calls_per_minute: 0, calls_at_once: 0, seconds_max: 0 };

function inputOf(route: Route): RouteInput {
  const { name, prefix, forward, enabled, open, callers, stream_requests, idempotent, pass_headers, calls_per_minute, calls_at_once, seconds_max } = route;
  return { name, prefix, forward, enabled, open, callers, stream_requests, idempotent, pass_headers, calls_per_minute, calls_at_once, seconds_max };
}

// What each caller of it may do; the bounds are those of spec/openapi.yaml.
const kLimits = [
  { name: 'calls_per_minute', word: 'per-minute', max: 1_000_000 },
  { name: 'calls_at_once', word: 'at-once', max: 10_000 },
  { name: 'seconds_max', word: 'seconds', max: 86_400 },
] as const;

export default function Routes() {
  const { t } = useTranslation();
  const { may } = useSession();
  const list = useList();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<Asks<Route, RouteInput> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const query = { text: list.get('text') || undefined, page: list.page, page_size: kSize };
  const asked = useLive(['routes', query], (signal) => must(client.GET('/routes', { signal, params: { query } })), { keep: true });
  const callers = useLive(['callers', 'all'], (signal) => must(client.GET('/callers', { signal, params: { query: { page_size: 200 } } })));
  const nameOf = (id: string) => callers.data?.items.find((one) => one.id === id)?.name ?? id;
  const after = () => queries.invalidateQueries({ queryKey: ['routes'] });
  const who = (one: Pick<RouteInput, 'open' | 'callers'>) => (one.open ? t('routes.open') : (one.callers ?? []).map(nameOf).join('、') || t('routes.every'));
  const yes = (on: boolean | undefined) => t(on ? 'collision.yes' : 'collision.no');
  const limits = (one: RouteInput) =>
    kLimits
      .filter(({ name }) => (one[name] ?? 0) > 0)
      .map(({ name, word }) => t(`routes.said-${word}`, { number: groups(one[name] ?? 0) }))
      .join(' · ') || t('routes.no-limits');
  const versions = (mine?: RouteInput): Field<Route>[] => [
    { label: t('routes.prefix'), of: (one) => one.prefix, mine: mine?.prefix },
    { label: t('routes.name'), of: (one) => one.name, mine: mine?.name },
    { label: t('routes.forward'), of: (one) => one.forward, mine: mine?.forward },
    { label: t('routes.who'), of: who, mine: mine && who(mine) },
    { label: t('routes.on'), of: (one) => yes(one.enabled) },
    { label: t('routes.idempotent'), of: (one) => yes(one.idempotent), mine: mine && yes(mine.idempotent) },
    { label: t('routes.limits'), of: limits, mine: mine && limits(mine) },
  ];
  return (
    <>
      <PageHead
        title={t('nav.routes')}
        lead={asked.data && t('routes.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="manage-routes" onClick={() => setAsks({ what: 'edit', input: kNew })}>
            {t('routes.add-ask')}
          </Act>
        }
      />
      <div className="facets">
        <Filter list={list} placeholder={t('routes.filter')} />
      </div>
      {error !== null && <div className="failure" role="alert">{saidError(error)}</div>}
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t(query.text ? 'table.none-fit' : 'routes.empty')}</Empty>
          ) : (
            <>
              <Table
                name={t('nav.routes')}
                rows={page.items}
                keyOf={(one) => one.id}
                columns={[
                  { title: t('routes.prefix'), cell: (one) => <span className="mono">{one.prefix}</span> },
                  { title: t('routes.id'), cell: (one) => <Id value={one.id} keep={12} /> },
                  { title: t('routes.name'), cell: (one) => one.name },
                  { title: t('routes.forward'), wide: true, cell: (one) => <Link className="mono" to={`/deployments/${one.deployment_id}`}>{one.forward}</Link> },
                  { title: t('routes.who'), wide: true, cell: (one) => (one.open ? <State kind="degraded">{t('routes.open')}</State> : one.callers.length === 0 ? <span className="second">{t('routes.every')}</span> : one.callers.map(nameOf).join('、')) },
                  { title: t('routes.limits'), wide: true, cell: (one) => <span className="second">{limits(one)}</span> },
                  {
                    title: t('routes.on'),
                    cell: (one) => (
                      <Switch
                        size="small"
                        checked={one.enabled}
                        disabled={!may('manage-routes')}
                        aria-label={`${t('routes.on')} ${one.prefix}`}
                        onChange={(enabled) => {
                          setError(null);
                          void must(client.PUT('/routes/{id}', { params: { path: { id: one.id }, header: seen(one) }, body: { ...inputOf(one), enabled } }))
                            .catch(setError)
                            .finally(() => void after());
                        }}
                      />
                    ),
                  },
                  { title: t('field.changed'), align: 'right', cell: (one) => <Time ms={one.changed_ms} /> },
                  {
                    title: '',
                    cell: (one) => (
                      <span className="row row-acts">
                        {may('try-models') && <Link to={`/routes/${one.id}/try`}>{t('try.act')}</Link>}
                        <Act needs="manage-routes" size="small" onClick={() => setAsks({ what: 'edit', of: one, input: inputOf(one) })}>
                          {t('act.edit-ask')}
                        </Act>
                        <Act needs="manage-routes" size="small" danger onClick={() => setAsks({ what: 'end', of: one })}>
                          {t('act.delete-ask')}
                        </Act>
                      </span>
                    ),
                  },
                ]}
              />
              <Pages list={list} total={page.total} size={kSize} />
            </>
          )
        }
      </Loaded>
      <EntryDialogs<Route, RouteInput>
        asks={asks}
        ask={setAsks}
        after={after}
        versions={versions}
        edit={{
          words: (added) => ({ title: t(added ? 'routes.add' : 'routes.edit'), act: t('act.save') }),
          complete: (input) => input.name !== '' && input.prefix !== '' && Boolean(input.forward),
          fields: (input, change) => <Fields input={input} change={change} callers={callers.data?.items ?? []} />,
          add: async (input) => {
            await must(client.POST('/routes', { body: input }));
            return undefined;
          },
          save: ({ first, now }, input) => must(client.PUT('/routes/{id}', { params: { path: { id: now.id }, header: seen(now) }, body: merged(inputOf(first), inputOf(now), input) })),
        }}
        end={{
          words: (of) => ({ title: t('routes.delete-title', { prefix: of.prefix }), text: t('routes.delete-text') }),
          typed: (of) => of.prefix,
          run: (of) => must(client.DELETE('/routes/{id}', { params: { path: { id: of.id }, header: seen(of) } })),
        }}
      />
    </>
  );
}

function Fields({ input, change, callers }: { input: RouteInput; change: (changes: Partial<RouteInput>) => void; callers: Schemas['Caller'][] }) {
  const { t } = useTranslation();
  const deployments = useLive(['deployments', 'names'], (signal) => must(client.GET('/deployments', { signal, params: { query: { page_size: 200 } } })));
  return (
    <>
      <label htmlFor="route-prefix">{t('routes.prefix')}</label>
      <Input id="route-prefix" value={input.prefix} maxLength={512} placeholder="/wheat" onChange={(event) => change({ prefix: event.target.value })} />
      <label htmlFor="route-name">{t('routes.name')}</label>
      <Input id="route-name" value={input.name} maxLength={100} onChange={(event) => change({ name: event.target.value })} />
      <label htmlFor="route-to">{t('grants.deployment')}</label>
      <Select
        id="route-to"
        style={{ width: '100%' }}
        showSearch={{ optionFilterProp: 'label' }}
        value={input.forward || null}
        options={(deployments.data?.items ?? []).map((one) => ({ value: `mifeng://${one.id}`, label: `${one.name} · ${one.model} ${one.version}` }))}
        onChange={(value) => change({ forward: value })}
      />
      <label htmlFor="route-callers">{t('nav.callers')}</label>
      <Select
        id="route-callers"
        mode="multiple"
        style={{ width: '100%' }}
        disabled={input.open ?? false}
        value={input.callers ?? []}
        notFoundContent={t('callers.empty')}
        options={callers.map((one) => ({ value: one.id, label: one.name }))}
        onChange={(value) => change({ callers: value })}
      />
      <div style={{ marginTop: 8 }}>
        <Checkbox checked={input.open ?? false} onChange={(event) => change({ open: event.target.checked, callers: event.target.checked ? [] : (input.callers ?? []) })}>
          {t('deploy.open')}
        </Checkbox>
      </div>
      <Checkbox checked={input.idempotent ?? false} onChange={(event) => change({ idempotent: event.target.checked })}>
        {t('routes.idempotent')}
      </Checkbox>
      {kLimits.map(({ name, word, max }) => (
        <div key={name}>
          <label htmlFor={`route-${name}`}>{t(`routes.limit-${word}`)}</label>
          <InputNumber id={`route-${name}`} style={{ width: 140 }} min={0} max={max} precision={0} value={input[name] ?? 0} onChange={(value) => change({ [name]: value ?? 0 })} />
        </div>
      ))}
      <p className="second">{t(input.open ? 'routes.limits-open' : 'routes.limits-note')}</p>
    </>
  );
}
