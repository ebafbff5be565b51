import { Button, Checkbox, Input, InputNumber, Select } from 'antd';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { ApiError } from '../api/error.ts';
import { retryGets, useLive } from '../api/live.ts';
import { said, saidError } from '../i18n/said.ts';
import { configOf } from '../ui/config-fields.ts';
import { useConfig } from '../ui/config.tsx';
import { useDraft } from '../ui/draft.ts';
import { bytes } from '../ui/format.ts';
import { type TolerationWish, type VolumeWish, tolerationText, tolerationsOf, volumeText, volumesOf } from '../ui/overlay.ts';
import { Bones, Empty, Failure, Loaded, PageHead, State } from '../ui/parts.tsx';
import { Tolerations } from '../ui/tolerations.tsx';
import { Volumes } from '../ui/volumes.tsx';
import { WhoMayCall } from '../ui/who-may-call.tsx';

interface Draft {
  name: string;
  replicas: number;
  ports: Record<string, number>; // "slot/name" -> what was typed
  env: Record<string, string>; // name -> another value
  requests: Record<string, string>;
  limits: Record<string, string>;
  volumes: Record<string, VolumeWish>;
  tolerations: TolerationWish[];
  network: boolean;
  prefix: string;
  open: boolean;
  callers: string[];
}
const kNothing: Draft = { name: '', replicas: -1, ports: {}, env: {}, requests: {}, limits: {}, volumes: {}, tolerations: [], network: false, prefix: '', open: false, callers: [] };
const kPlanAfterMs = 300;

function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

const changed = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ''));

export default function Deploy() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const versionId = params.get('version') ?? '';
  const cluster = params.get('cluster') ?? 'local';
  const [search, setSearch] = useState('');
  const settledSearch = useSettled(search, 200);
  const versions = useQuery({
    queryKey: ['models', 'accepted', settledSearch],
    queryFn: ({ signal }) => must(client.GET('/models', { signal, params: { query: { state: 'accepted', text: settledSearch || undefined, page_size: 50 } } })),
    placeholderData: keepPreviousData,
  });
  const version = useQuery({
    queryKey: ['model', versionId],
    enabled: versionId !== '',
    queryFn: ({ signal }) => must(client.GET('/models/{id}', { signal, params: { path: { id: versionId } } })),
  });
  const clusters = useLive(['clusters'], (signal) => must(client.GET('/clusters', { signal })));
  const set = (name: string, value: string) =>
    setParams((former) => {
      const next = new URLSearchParams(former);
      next.set(name, value);
      return next;
    });
  const shown = versions.data?.items ?? [];
  const options = [...shown, ...(version.data && !shown.some((one) => one.id === versionId) ? [version.data] : [])].map((one) => ({
    value: one.id,
    label: `${one.name} ${one.version}`,
    more: one.vendor_name || one.vendor_id,
  }));
  const noVersion = versions.data?.total === 0 && settledSearch === '' && versionId === '';
  return (
    <>
      <PageHead
        title={version.data ? t('deploy.title-of', { name: `${version.data.name} ${version.data.version}` }) : t('deploy.title')}
        crumbs={[{ to: '/deployments', text: t('nav.deployments') }]}
      />
      {noVersion ? (
        <Empty act={<Link to="/models?state=submitted">{t('deploy.empty-act')}</Link>}>{t('deploy.empty')}</Empty>
      ) : (
        <>
          <div className="form" style={{ marginBottom: 24 }}>
            <label htmlFor="version">{t('field.version')}</label>
            <Select
              id="version"
              showSearch={{ filterOption: false, onSearch: setSearch }}
              value={version.data ? versionId : null}
              placeholder={t('deploy.choose')}
              options={options}
              notFoundContent={t('table.none-fit')}
              optionRender={(option) => (
                <span className="row apart">
                  <span>{option.label}</span>
                  <span className="note">{(option.data as { more: string }).more}</span>
                </span>
              )}
              onChange={(value) => value && set('version', value)}
            />
            <label htmlFor="cluster">{t('field.cluster')}</label>
            <Select
              id="cluster"
              value={cluster}
              options={(clusters.data?.items ?? []).map((one) => ({ value: one.id, label: one.name === one.id ? one.id : `${one.id} · ${one.name}`, disabled: one.state === 'away' }))}
              onChange={(value) => set('cluster', value)}
            />
          </div>
          {versionId === '' ? (
            versions.error && <Failure error={versions.error} again={() => void versions.refetch()} />
          ) : (
            <Loaded of={version}>
              {(one) => (one.state === 'accepted' ? <Form key={versionId} version={one} cluster={cluster} /> : <Empty>{t('deploy.not-accepted', { state: t(`state.${one.state}`) })}</Empty>)}
            </Loaded>
          )}
        </>
      )}
    </>
  );
}

function Form({ version, cluster }: { version: Schemas['ModelVersion']; cluster: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const config = useConfig(version.config_sm3);
  const signed = useMemo(() => configOf(config.data ?? ''), [config.data]);
  const { draft, change, restored, discard } = useDraft<Draft>(`deploy ${version.id}`, { ...kNothing, name: version.name.slice(0, 32) });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const replicas = draft.replicas < 0 ? signed.replicas : draft.replicas;
  const perSlot = signed.ports.length;

  const callers = useLive(['callers', 'all'], (signal) => must(client.GET('/callers', { signal, params: { query: { page_size: 200 } } })));
  const capacity = useLive(['cluster', cluster], (signal) => must(client.GET('/clusters/{id}', { signal, params: { path: { id: cluster } } })));

  const tainted = capacity.data?.kind === 'kubernetes'; // only there nodes have taints
  const basic = useMemo(() => {
    const env = changed(draft.env);
    const request: Schemas['DeploymentRequest'] = { name: draft.name, cluster, version_id: version.id, replicas };
    if (Object.keys(env).length > 0) request.env = Object.entries(env).map(([name, value]) => ({ name, value }));
    const requests = changed(draft.requests);
    const limits = changed(draft.limits);
    if (Object.keys(requests).length > 0) request.requests = requests;
    if (Object.keys(limits).length > 0) request.limits = limits;
    const volumes = volumesOf(draft.volumes);
    if (volumes.length > 0) request.volumes = volumes;
    const tolerations = tainted ? tolerationsOf(draft.tolerations) : [];
    if (tolerations.length > 0) request.tolerations = tolerations;
    if (signed.network) request.allow_network = draft.network;
    if (draft.prefix !== '') request.route = { name: draft.name, prefix: draft.prefix, open: draft.open, callers: draft.open ? [] : draft.callers };
    return request;
  }, [draft, cluster, version.id, replicas, signed.network, tainted]);

  // What is free is recommended; once one was typed, all are sent as they are shown.
  const recommended = useQuery({
    queryKey: ['plan', 'recommended', cluster, version.id, replicas],
    enabled: config.data !== undefined,
    placeholderData: keepPreviousData,
    retry: retryGets,
    queryFn: ({ signal }) => must(client.POST('/deployments/plan', { signal, body: { name: 'plan', cluster, version_id: version.id, replicas, ...(signed.network ? { allow_network: true } : {}) } })),
  });
  const rows = (recommended.data?.ports ?? []).map((port) => {
    const key = `${port.slot}/${port.port_name}`;
    return { ...port, key, wanted: draft.ports[key] ?? port.node_port, typed: draft.ports[key] !== undefined && draft.ports[key] !== port.node_port };
  });
  const typed = rows.some((row) => row.typed);
  const request = useMemo(() => (typed ? { ...basic, ports: rows.map((row) => row.wanted) } : basic), [basic, typed, JSON.stringify(rows)]);
  const settled = useSettled(request, kPlanAfterMs);
  const plan = useQuery({
    queryKey: ['plan', settled],
    enabled: config.data !== undefined,
    placeholderData: keepPreviousData,
    retry: retryGets,
    queryFn: ({ signal }) => must(client.POST('/deployments/plan', { signal, body: settled })),
  });
  const planned = settled === request && !plan.isPlaceholderData && !plan.isFetching;

  const holders = useQuery({
    queryKey: ['ports', cluster],
    enabled: typed,
    queryFn: ({ signal }) => must(client.GET('/ports', { signal, params: { query: { cluster } } })),
  });

  const deploy = async (event?: FormEvent) => {
    event?.preventDefault();
    if (busy || plan.error) return;
    setBusy(true);
    setError(null);
    try {
      const made = await must(client.POST('/deployments', { body: request }));
      discard();
      await queries.invalidateQueries();
      await navigate(`/deployments/${made.id}`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  if (config.isPending) return <Bones />;
  if (config.error) return <Failure error={config.error} again={() => void config.refetch()} />;
  const free = capacity.data?.capacity;
  const resources = [...new Set(['cpu', 'memory', ...signed.requests.map(([name]) => name), ...signed.limits.map(([name]) => name)])];
  const signedOf = (pairs: [string, string][], name: string) => pairs.find(([key]) => key === name)?.[1] ?? '';
  return (
    <form
      className="two"
      onSubmit={(event) => void deploy(event)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.nativeEvent.isComposing) void deploy();
        // Enter alone in a field deploys nothing, and never in the middle of an input method's word.
        else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.preventDefault();
      }}
    >
      <div>
        {restored && (
          <p className="note">
            {t('draft.restored')}{' '}
            <button type="button" className="plain" onClick={discard}>
              {t('draft.discard')}
            </button>
          </p>
        )}
        <div className="form">
          <label htmlFor="name">{t('field.name')}</label>
          <div>
            <Input id="name" value={draft.name} maxLength={32} autoComplete="off" onChange={(event) => change({ name: event.target.value.toLowerCase() })} />
            {!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(draft.name) && <span className="wrong">{t('deploy.name-rule')}</span>}
          </div>
          <label htmlFor="replicas">{t('field.replicas')}</label>
          <div>
            <InputNumber id="replicas" min={0} max={64} precision={0} value={replicas} onChange={(value) => change({ replicas: value ?? 0, ports: {} })} />
          </div>
          <span className="label">{t('deploy.ports')}</span>
          <div>
            <span className="note">{t('deploy.ports-needed', { count: rows.length, per: perSlot })}</span>
            {rows.map((row) => {
              const holder = row.typed ? holders.data?.items.find((one) => one.port === row.wanted) : undefined;
              const taken = holder !== undefined && holder.state !== 'free';
              return (
                <div key={row.key} className="row" style={{ marginBottom: 4 }}>
                  <span className="mono">
                    {row.port_name} {row.container_port} →
                  </span>
                  <InputNumber
                    aria-label={t('deploy.port-of', { name: row.port_name, slot: row.slot + 1 })}
                    controls={false}
                    min={1}
                    max={65535}
                    precision={0}
                    style={{ width: 92 }}
                    value={row.wanted}
                    status={taken ? 'error' : ''}
                    onChange={(value) => change({ ports: { ...draft.ports, [row.key]: value ?? row.node_port } })}
                  />
                  {!row.typed && <State kind="ready">{t('deploy.recommended')}</State>}
                  {taken && (
                    <>
                      <span className="danger">
                        ✕ {t('deploy.held-by', { holder: holder.holder || t(`state.${holder.state}`) })}
                      </span>
                      <button type="button" className="plain" onClick={() => change({ ports: { ...draft.ports, [row.key]: row.node_port } })}>
                        {t('deploy.use', { port: row.node_port })}
                      </button>
                    </>
                  )}
                </div>
              );
            })}
          </div>
          <span className="label">{t('deploy.hardware')}</span>
          <div>
            {free && (
              <span className="note">
                {t('deploy.free', { cpu: Math.round(free.cpu_millis.free / 100) / 10, memory: bytes(free.memory_bytes.free) })}
                {Object.entries(free.accelerators).map(([name, amount]) => ` · ${name} ${amount.free}`)}
              </span>
            )}
            {resources.map((name) => (
              <div key={name} className="row" style={{ marginBottom: 4 }}>
                <span className="mono" style={{ minWidth: 64 }}>
                  {name}
                </span>
                {(['requests', 'limits'] as const).map((which) => (
                  <Input
                    key={which}
                    style={{ width: 132 }}
                    prefix={<span className="second">{which === 'requests' ? '≥' : '≤'}</span>}
                    aria-label={`${name} ${t(`deploy.${which}`)}`}
                    placeholder={signedOf(signed[which], name) || '—'}
                    value={draft[which][name] ?? ''}
                    maxLength={64}
                    onChange={(event) => change({ [which]: { ...draft[which], [name]: event.target.value } })}
                  />
                ))}
              </div>
            ))}
          </div>
          {signed.env.length > 0 && (
            <>
              <span className="label">{t('config.env')}</span>
              <div>
                {signed.env.map((one) => (
                  <div key={one.name} className="row" style={{ marginBottom: 4 }}>
                    <span className="mono" style={{ minWidth: 140, overflowWrap: 'anywhere' }}>
                      {one.name}
                    </span>
                    <Input style={{ width: 240 }} aria-label={one.name} placeholder={one.value} value={draft.env[one.name] ?? ''} onChange={(event) => change({ env: { ...draft.env, [one.name]: event.target.value } })} />
                  </div>
                ))}
              </div>
            </>
          )}
          {signed.volumes.length > 0 && (
            <>
              <span className="label">{t('config.volumes')}</span>
              <div>
                <Volumes signed={signed.volumes} wishes={draft.volumes} change={(volumes) => change({ volumes })} />
                <span className="note">{t('deploy.volumes-note')}</span>
              </div>
            </>
          )}
          {tainted && (
            <>
              <span className="label">{t('tolerations.title')}</span>
              <Tolerations wishes={draft.tolerations} change={(tolerations) => change({ tolerations })} />
            </>
          )}
          {signed.network && (
            <>
              <span className="label">{t('deploy.network')}</span>
              <Checkbox checked={draft.network} onChange={(event) => change({ network: event.target.checked })}>
                {t('deploy.network-text')}
              </Checkbox>
            </>
          )}
          <label htmlFor="prefix">{t('deploy.prefix')}</label>
          <div>
            <Input id="prefix" value={draft.prefix} maxLength={512} placeholder={`/${draft.name}`} autoComplete="off" onChange={(event) => change({ prefix: event.target.value })} />
            <span className="note">{t('deploy.prefix-note')}</span>
          </div>
          {draft.prefix !== '' && (
            <WhoMayCall id="callers" known={callers.data?.items ?? []} choice={draft} change={change} />
          )}
        </div>
        <p className="note" style={{ marginTop: 24 }}>
          {t('deploy.unchangeable')}
        </p>
      </div>
      <aside aria-live="polite">
        <h2 style={{ marginTop: 0 }}>{t('deploy.plan')}</h2>
        {plan.error ? (
          <div className="failure" role="alert">
            {saidError(plan.error)}
          </div>
        ) : plan.data ? (
          <>
            {planned ? (
              <p>
                <State kind={plan.data.warnings.length === 0 ? 'ready' : 'degraded'}>{t(plan.data.warnings.length === 0 ? 'deploy.can' : 'deploy.can-but')}</State>
              </p>
            ) : (
              <p className="second">{t('deploy.planning')}</p>
            )}
            <div className="diff">
              <div className="plus">
                Deployment {draft.name} ({plan.data.model} {plan.data.version})
              </div>
              {plan.data.ports.map((port) => (
                <div key={`${port.slot}/${port.port_name}`} className="plus">
                  {port.node_port} → {port.port_name} {port.container_port}
                </div>
              ))}
              {Object.entries({ ...changed(draft.requests) }).map(([name, value]) => (
                <div key={`r${name}`} className="tilde">
                  {name} ≥ {signedOf(signed.requests, name) || '—'} → {value}
                </div>
              ))}
              {Object.entries({ ...changed(draft.limits) }).map(([name, value]) => (
                <div key={`l${name}`} className="tilde">
                  {name} ≤ {signedOf(signed.limits, name) || '—'} → {value}
                </div>
              ))}
              {Object.entries(changed(draft.env)).map(([name, value]) => (
                <div key={`e${name}`} className="tilde">
                  {name}={value}
                </div>
              ))}
              {(request.volumes ?? []).map((one) => (
                <div key={`v${one.name}`} className="tilde">
                  {volumeText(t, one)}
                </div>
              ))}
              {(request.tolerations ?? []).map((one) => (
                <div key={`t${JSON.stringify(one)}`} className="plus">
                  {tolerationText(t, one)}
                </div>
              ))}
              {draft.prefix !== '' && <div className="plus">{t('deploy.route-line', { prefix: draft.prefix })}</div>}
            </div>
            <p style={{ marginTop: 12 }}>
              <b>{plan.data.grade}</b> {t(`grade.${plan.data.grade}`)}
            </p>
            {plan.data.warnings.map((warning) => (
              <div key={warning} className="why degraded">
                {said(warning)}
              </div>
            ))}
            <details>
              <summary>{t('deploy.rendered')}</summary>
              <pre tabIndex={0} style={{ maxHeight: 360 }}>
                {JSON.stringify(plan.data.rendered, null, 2)}
              </pre>
            </details>
          </>
        ) : (
          <Bones rows={4} />
        )}
        {error !== null && (
          <div className="failure" role="alert">
            {error instanceof ApiError && error.status === 409 ? t('deploy.moved') : t('deploy.failed')} {saidError(error)}
          </div>
        )}
        <Button type="primary" htmlType="submit" block disabled={busy || Boolean(plan.error) || plan.data === undefined} style={{ marginTop: 16 }}>
          {busy ? t('deploy.doing') : t('act.deploy')}
        </Button>
        <p className="note" style={{ marginTop: 8 }}>
          <kbd>Ctrl Enter</kbd>
        </p>
      </aside>
    </form>
  );
}
