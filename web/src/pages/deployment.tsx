import { InputNumber, Select } from 'antd';
import { type ReactNode, Suspense, lazy, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';
import { type Schemas, client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { said } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Aged, useAged } from '../ui/age.tsx';
import { Changes } from '../ui/changes.tsx';
import { ChangeDialog } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { overlayText } from '../ui/overlay.ts';
import { Bones, Copy, Empty, Facts, Loaded, PageHead, StateOf, Tabs, Time, kindOf } from '../ui/parts.tsx';
import type { Field, On } from '../ui/rests.ts';
import { SealStrip } from '../ui/seal.tsx';
import { Table } from '../ui/table.tsx';
import { Grants } from './grants.tsx';
import { Logs } from './logs.tsx';

const Config = lazy(() => import('../ui/config.tsx'));
const Trial = lazy(async () => ({ default: (await import('../ui/trial.tsx')).Trial }));
type Deployment = Schemas['Deployment'];
type Unit = Schemas['Unit'];

export default function DeploymentPage() {
  const { t } = useTranslation();
  const { id = '', '*': tab = '' } = useParams();
  const { may } = useSession();
  const asked = useLive(['deployment', id], (signal) => must(client.GET('/deployments/{id}', { signal, params: { path: { id } } })));
  const one = asked.data;
  const old = useAged().get(one?.cluster ?? '');
  const base = `/deployments/${id}`;
  return (
    <>
      <PageHead
        title={one?.name ?? id}
        crumbs={[{ to: '/deployments', text: t('nav.deployments') }]}
        state={
          one && (
            <span className={old ? 'stale' : undefined}>
              <StateOf state={one.state} more={`${one.ready}/${one.replicas}`} />
            </span>
          )
        }
        lead={
          one && (
            <>
              <Link to={`/models/${one.vendor_id}/${one.model}/${one.version}`}>{`${one.model} ${one.version}`}</Link> · {t('deployment.revision', { number: one.revision })} · {one.cluster} ·{' '}
              <span title={t(`grade.${one.grade}`)}>{one.grade}</span>
              {one.batch_id !== '' && (
                <>
                  {' · '}
                  <Link to={`/batches/${one.batch_id}`}>{t('deployment.of-batch')}</Link>
                </>
              )}
              {one.ports.slice(0, 4).map((port) => (
                <span key={port.node_port}>
                  {' · '}
                  <Link className="mono" to={`/ports?cluster=${one.cluster}&port=${port.node_port}`}>
                    {port.node_port}
                  </Link>
                  <Copy text={String(port.node_port)} />
                </span>
              ))}
            </>
          )
        }
        acts={one && <Acts of={one} />}
      />
      <Loaded of={asked}>
        {(now) => (
          <div className={old ? 'stale' : undefined}>
            <Aged of={old ? [old] : []} />
            <Why of={now} />
            <Progress of={now} />
            <Tabs
              label={now.name}
              tabs={[
                { to: base, text: t('deployment.units', { count: now.units.length }), end: true },
                { to: `${base}/events`, text: t('deployment.events') },
                ...(may('deploy') ? [{ to: `${base}/logs`, text: t('deployment.logs') }] : []),
                { to: `${base}/revisions`, text: t('deployment.revisions', { number: now.revision }) },
                ...(may('read-keys') ? [{ to: `${base}/grants`, text: t('deployment.grants') }] : []),
                { to: `${base}/config`, text: t('deployment.config') },
                ...(may('try-models') ? [{ to: `${base}/try`, text: t('try.act') }] : []),
              ]}
            />
            {tab === '' && <Units of={now} />}
            {tab === 'events' && <Events id={id} />}
            {tab === 'logs' && <Logs of={now} />}
            {tab === 'revisions' && <Revisions of={now} />}
            {tab === 'grants' && <Grants deployment={id} />}
            {tab === 'config' && <ConfigTab of={now} />}
            {tab === 'try' && may('try-models') && (
              <Suspense fallback={<Bones />}>
                <Trial deployment={now} />
              </Suspense>
            )}
          </div>
        )}
      </Loaded>
    </>
  );
}

function Why({ of }: { of: Deployment }) {
  const { t } = useTranslation();
  const reasons = new Map<string, string[]>();
  for (const unit of of.units)
    if (unit.reason !== '' && unit.state !== 'ready') reasons.set(unit.reason, [...(reasons.get(unit.reason) ?? []), unit.name]);
  reasons.delete(of.reason);
  if (of.reason === '' && reasons.size === 0) return null;
  return (
    <section className={`why ${kindOf[of.state] ?? ''}`} aria-live="polite">
      <h2>{t(of.update_failed ? 'deployment.update-failed' : 'deployment.why')}</h2>
      {of.reason !== '' && <div>{said(of.reason)}</div>}
      {[...reasons].map(([reason, units]) => (
        <div key={reason}>
          {t('deployment.unit-says', { units: units.length === 1 ? units[0] : t('deployment.some-units', { count: units.length }) })} {said(reason)}
        </div>
      ))}
    </section>
  );
}

function Progress({ of }: { of: Deployment }) {
  const { t } = useTranslation();
  const granted = of.units.filter((unit) => unit.instance_id !== '').length;
  return (
    <SealStrip
      steps={[
        { key: 'signed', state: 'done', proof: `${of.vendor_id}` },
        { key: 'sealed', state: 'done', proof: <span title={t(`grade.${of.grade}`)}>{t('seal.grade', { grade: of.grade })}</span> },
        { key: 'accepted', state: 'done', proof: <Link to={`/models/${of.vendor_id}/${of.model}/${of.version}`}>{of.version}</Link> },
        { key: 'granted', state: granted > 0 ? 'done' : 'open', proof: granted > 0 ? t('seal.granted-proof', { count: granted }) : t('seal.not-yet') },
        { key: 'opened', state: of.ready > 0 ? 'done' : of.state === 'failed' ? 'not' : 'open', proof: of.ready > 0 ? t('seal.opened-proof', { count: of.ready }) : t('seal.not-yet') },
      ]}
    />
  );
}

function Acts({ of }: { of: Deployment }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asks, setAsks] = useState<'' | 'replicas' | 'restart' | 'delete' | 'update' | 'rollback'>('');
  const [replicas, setReplicas] = useState(of.replicas);
  const path = { path: { id: of.id } };
  const after = () => queries.invalidateQueries();
  const close = () => setAsks('');
  const versions = useVersions();
  const to = (on: On<Deployment>) => ({ ...path, header: seen(on.now) });
  const scale = (count: number, on: On<Deployment>) => must(client.PUT('/deployments/{id}/replicas', { params: to(on), body: { replicas: count } }));
  const { data: usage } = useLive(
    ['usage', 'yesterday'],
    (signal) => must(client.GET('/usage', { signal, params: { query: { from_ms: Date.now() - 24 * 3600_000 } } })),
    { enabled: asks === 'delete' },
  );
  const calls = usage?.items.find((one) => one.deployment_id === of.id)?.calls ?? 0;
  return (
    <>
      {of.replicas === 0 && (
        <Act
          needs="deploy"
          type="primary"
          onClick={() => {
            setReplicas(1);
            // What is refused is said in the dialog, where it can be tried again.
            void scale(1, { first: of, now: of }).then(after, () => setAsks('replicas'));
          }}
        >
          {t('deployment.start')}
        </Act>
      )}
      <Act needs="deploy" onClick={() => setAsks('update')}>
        {t('deployment.update')}
      </Act>
      <Act needs="deploy" onClick={() => setAsks('rollback')}>
        {t('deployment.rollback')}
      </Act>
      <Act
        needs="deploy"
        onClick={() => {
          setReplicas(of.replicas);
          setAsks('replicas');
        }}
      >
        {t('deployment.scale')}
      </Act>
      <Act needs="deploy" onClick={() => setAsks('restart')}>
        {t('deployment.restart')}
      </Act>
      <Act needs="deploy" danger onClick={() => setAsks('delete')}>
        {t('act.delete-ask')}
      </Act>
      <ChangeDialog
        open={asks === 'replicas'}
        close={close}
        title={t('deployment.scale-title', { name: of.name })}
        act={t('deployment.scale-act', { count: replicas })}
        of={of}
        fields={versions({ replicas: String(replicas) })}
        run={async (on) => {
          await scale(replicas, on);
          await after();
        }}
      >
        <label htmlFor="replicas">{t('field.replicas')}</label>
        <InputNumber id="replicas" min={0} max={64} precision={0} value={replicas} onChange={(value) => setReplicas(value ?? 0)} />
        <p className="note">{t('deployment.scale-note')}</p>
      </ChangeDialog>
      <ChangeDialog
        open={asks === 'restart'}
        close={close}
        title={t('deployment.restart-title', { name: of.name })}
        act={t('deployment.restart')}
        of={of}
        fields={versions()}
        run={async (on) => {
          await must(client.POST('/deployments/{id}/restart', { params: to(on) }));
          await after();
        }}
      >
        <p>{t('deployment.restart-text', { count: of.units.length })}</p>
      </ChangeDialog>
      <ChangeDialog
        open={asks === 'rollback'}
        close={close}
        title={t('deployment.rollback-title', { name: of.name })}
        act={t('deployment.rollback-act')}
        of={of}
        fields={versions()}
        run={async (on) => {
          await must(client.POST('/deployments/{id}/rollback', { params: to(on), body: {} }));
          await after();
        }}
      >
        <p>{t('deployment.rollback-text')}</p>
      </ChangeDialog>
      <ChangeDialog
        open={asks === 'delete'}
        close={close}
        danger
        title={t('deployment.delete-title', { name: of.name })}
        act={t('act.delete')}
        typed={of.name}
        of={of}
        fields={versions()}
        run={async (on) => {
          await must(client.DELETE('/deployments/{id}', { params: to(on) }));
          await navigate('/deployments');
          await after();
        }}
      >
        <p>
          {t('deployment.delete-text', {
            units: of.units.length,
            ports: of.ports.map((port) => port.node_port).join(', ') || '—',
            routes: of.route_ids.length,
            calls: groups(calls),
          })}
        </p>
      </ChangeDialog>
      {asks === 'update' && <Update of={of} close={close} />}
    </>
  );
}

function Update({ of, close }: { of: Deployment; close: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [version, setVersion] = useState('');
  const path = { path: { id: of.id } };
  const versions = useVersions();
  const models = useLive(['models', 'of', of.vendor_id, of.model], (signal) =>
    must(client.GET('/models', { signal, params: { query: { vendor: of.vendor_id, name: of.model, state: 'accepted', page_size: 100 } } })),
  );
  const choices = models.data?.items.filter((one) => one.name === of.model && one.id !== of.version_id) ?? [];
  const plan = useLive(
    ['update-plan', of.id, version],
    (signal) => must(client.POST('/deployments/{id}/revisions/plan', { signal, params: path, body: { version_id: version } })),
    { enabled: version !== '' },
  );
  return (
    <ChangeDialog
      open
      close={close}
      title={t('deployment.update-title', { name: of.name })}
      act={t('deployment.update-act')}
      ready={version !== '' && plan.data !== undefined}
      of={of}
      fields={versions({ version: choices.find((one) => one.id === version)?.version })}
      run={async ({ now }) => {
        await must(client.POST('/deployments/{id}/revisions', { params: { ...path, header: seen(now) }, body: { version_id: version } }));
        await queries.invalidateQueries();
      }}
    >
      <label htmlFor="version">{t('field.version')}</label>
      <Select
        id="version"
        style={{ width: '100%' }}
        value={version || null}
        placeholder={t('deployment.update-choose')}
        notFoundContent={t('deployment.update-none')}
        options={choices.map((one) => ({ value: one.id, label: `${one.name} ${one.version}` }))}
        onChange={(value) => setVersion(value ?? '')}
      />
      {version !== '' && (
        <Loaded of={plan} rows={3}>
          {(now) => (
            <>
              <p style={{ marginTop: 12 }}>{t(`strategy.${now.strategy}`)}</p>
              <Changes of={now.changes} />
              {now.warnings.map((warning) => (
                <div key={warning} className="why degraded">
                  {said(warning)}
                </div>
              ))}
            </>
          )}
        </Loaded>
      )}
    </ChangeDialog>
  );
}

function Units({ of }: { of: Deployment }) {
  const { t } = useTranslation();
  const { may } = useSession();
  if (of.units.length === 0) return <Empty>{t(of.replicas === 0 ? 'deployment.stopped' : 'deployment.no-units')}</Empty>;
  return (
    <Table
      name={t('deployment.units', { count: of.units.length })}
      rows={of.units}
      keyOf={(unit) => unit.name}
      columns={[
        { title: t('field.unit'), wide: true, cell: (unit) => <span className="mono">{unit.name}</span> },
        ...(of.units.some((unit) => unit.node !== '') ? [{ title: t('field.node'), cell: (unit: Unit) => unit.node || '—' }] : []),
        { title: t('field.state'), cell: (unit) => <StateOf state={unit.state} /> },
        { title: t('field.revision'), align: 'right', cell: (unit) => unit.revision || '—' },
        { title: t('field.since'), cell: (unit) => <Time ms={unit.started_ms} /> },
        { title: t('deployment.restarts'), align: 'right', cell: (unit) => unit.restarts },
        { title: t('deployment.ports'), cell: (unit) => unit.ports.map((port) => `${port.port_name} ${port.node_port}`).join(', ') || '—' },
        { title: t('deployment.instance'), cell: (unit) => (unit.instance_id ? <span className="mono">{unit.instance_id}</span> : <span className="second">{t('deployment.no-grant')}</span>) },
        {
          title: '',
          cell: (unit) =>
            may('deploy') && (
              <span className="acts">
                <Link to={`/deployments/${of.id}/logs?unit=${unit.name}`}>{t('deployment.logs')}</Link>
                {unit.restarts > 0 && (
                  <>
                    {' · '}
                    <Link to={`/deployments/${of.id}/logs?unit=${unit.name}&previous=1`}>{t('logs.previous')}</Link>
                  </>
                )}
              </span>
            ),
        },
      ]}
    />
  );
}

function Events({ id }: { id: string }) {
  const { t } = useTranslation();
  const asked = useLive(['events', id], (signal) => must(client.GET('/deployments/{id}/events', { signal, params: { path: { id } } })));
  return (
    <Loaded of={asked}>
      {(list) =>
        list.items.length === 0 ? (
          <Empty>{t('deployment.no-events')}</Empty>
        ) : (
          <Table
            name={t('deployment.events')}
            rows={list.items.map((one, at) => ({ ...one, at })).reverse()}
            keyOf={(one) => String(one.at)}
            columns={[
              { title: t('field.time'), cell: (one) => <Time ms={one.time_ms} absolute /> },
              { title: t('field.unit'), cell: (one) => <span className="mono">{one.unit}</span> },
              { title: t('deployment.event'), cell: (one) => one.action },
              { title: t('audit.detail'), wide: true, cell: (one) => said(one.detail) },
            ]}
          />
        )
      }
    </Loaded>
  );
}

function Revisions({ of }: { of: Deployment }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [back, setBack] = useState<number | null>(null);
  const versions = useVersions();
  const asked = useLive(['revisions', of.id], (signal) => must(client.GET('/deployments/{id}/revisions', { signal, params: { path: { id: of.id } } })));
  return (
    <Loaded of={asked}>
      {(list) => (
        <>
          <Table
            name={t('deployment.revisions', { number: of.revision })}
            rows={list.items}
            keyOf={(one) => String(one.number)}
            columns={[
              { title: t('field.revision'), align: 'right', cell: (one) => one.number },
              { title: t('field.version'), cell: (one) => <Link to={`/models/${of.vendor_id}/${of.model}/${one.version}`}>{one.version}</Link> },
              { title: t('revision.cause'), cell: (one) => said(one.cause) },
              { title: t('revision.overlay'), wide: true, cell: (one) => overlayText(t, one.overlay) || <span className="second">{t('revision.as-signed')}</span> },
              { title: t('revision.units'), align: 'right', cell: (one) => one.units },
              { title: t('revision.by'), cell: (one) => one.created_by },
              { title: t('field.time'), cell: (one) => <Time ms={one.created_ms} /> },
              {
                title: '',
                cell: (one) =>
                  one.wanted ? (
                    <StateOf state="in-force" />
                  ) : (
                    <Act needs="deploy" size="small" onClick={() => setBack(one.number)}>
                      {t('revision.back')}
                    </Act>
                  ),
              },
            ]}
          />
          <ChangeDialog
            open={back !== null}
            close={() => setBack(null)}
            title={t('revision.back-title', { name: of.name, number: back ?? 0 })}
            act={t('deployment.rollback-act')}
            of={of}
            fields={versions()}
            run={async ({ now }) => {
              await must(client.POST('/deployments/{id}/rollback', { params: { path: { id: of.id }, header: seen(now) }, body: { to: back ?? 0 } }));
              await queries.invalidateQueries();
            }}
          >
            <p>{t('deployment.rollback-text')}</p>
          </ChangeDialog>
        </>
      )}
    </Loaded>
  );
}

// How people tell one version of a deployment from another.
function useVersions() {
  const { t } = useTranslation();
  return (mine: { replicas?: string | undefined; version?: string | undefined } = {}): Field<Deployment>[] => [
    { label: t('field.replicas'), of: (one) => String(one.replicas), mine: mine.replicas },
    { label: t('field.version'), of: (one) => one.version, mine: mine.version },
    { label: t('field.revision'), of: (one) => String(one.revision) },
    { label: t('revision.overlay'), of: (one) => overlayText(t, one.overlay) },
    { label: t('field.state'), of: (one) => (one.state === 'deleting' ? t('state.deleting') : '') },
  ];
}

function ConfigTab({ of }: { of: Deployment }) {
  const { t } = useTranslation();
  const version = useLive(['model', of.version_id], (signal) => must(client.GET('/models/{id}', { signal, params: { path: { id: of.version_id } } })));
  const facts: [string, ReactNode][] = [
    [t('field.name'), of.name],
    [t('field.cluster'), of.cluster],
    [t('field.replicas'), of.replicas],
    [t('deployment.ports'), of.ports.map((port) => `${port.port_name} ${port.container_port} → ${port.node_port}`).join(', ') || '—'],
    [t('revision.overlay'), overlayText(t, of.overlay) || t('revision.as-signed')],
    [t('deployments.grade'), `${of.grade} · ${t(`grade.${of.grade}`)}`],
    [t('revision.by'), of.created_by],
    [t('field.created'), <Time key="c" ms={of.created_ms} absolute />],
  ];
  return (
    <>
      <Facts of={facts} />
      <h2>{t('version.config')}</h2>
      <Loaded of={version}>
        {(one) => (
          <Suspense fallback={<Bones />}>
            <Config sm3={one.config_sm3} yaml />
          </Suspense>
        )}
      </Loaded>
    </>
  );
}
