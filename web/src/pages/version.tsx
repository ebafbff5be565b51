import { type ReactNode, Suspense, lazy, useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { Act } from '../ui/act.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { bytes, middle } from '../ui/format.ts';
import { Bones, Copy, Empty, Facts, Id, Loaded, PageHead, StateOf, Tabs, Time } from '../ui/parts.tsx';
import { SealStrip, type Step } from '../ui/seal.tsx';
import { Table } from '../ui/table.tsx';
import { AcceptanceSheet } from './sheet.tsx';

const Markdown = lazy(() => import('../ui/markdown.tsx'));
const Config = lazy(() => import('../ui/config.tsx'));
const Compare = lazy(() => import('../ui/compare.tsx'));

type Version = Schemas['ModelVersion'];
const kKinds = ['design', 'usage', 'test'] as const;

function useVersion() {
  const { vendor = '', model = '', version = '' } = useParams();
  return useLive(['version', vendor, model, version], (signal) =>
    must(client.GET('/vendors/{vendor}/models/{name}/versions/{version}', { signal, params: { path: { vendor, name: model, version } } })),
  );
}

export default function VersionPage() {
  const { t } = useTranslation();
  const { vendor = '', model = '', version = '', '*': rest = '' } = useParams();
  const asked = useVersion();
  const { may } = useSession();
  const base = `/models/${vendor}/${model}/${version}`;
  const [tab = '', detail = ''] = rest.split('/');
  return (
    <>
      <PageHead
        title={`${model} ${version}`}
        crumbs={[
          { to: '/models', text: t('nav.models') },
          { to: `/models?vendor=${vendor}`, text: asked.data?.vendor_name || vendor },
          { to: `/models?vendor=${vendor}&text=${model}`, text: model },
        ]}
        state={asked.data && <StateOf state={asked.data.state} />}
        lead={
          asked.data && (
            <>
              {asked.data.function} · {t('version.submitted-by', { who: asked.data.submitted_by })} <Time ms={asked.data.submitted_ms} />
            </>
          )
        }
        acts={asked.data && <Acts of={asked.data} />}
      />
      <Loaded of={asked}>
        {(one) => (
          <>
            {(one.state === 'refused' || one.state === 'withdrawn') && (
              <div className="why gone">
                <h2>{t(`version.why-${one.state}`)}</h2>
                {one.state_reason} <span className="second">{one.decided_by}</span> <Time ms={one.decided_ms} />
              </div>
            )}
            <Seal of={one} />
            <Tabs
              label={`${model} ${version}`}
              tabs={[
                { to: base, text: t('version.summary'), end: true },
                { to: `${base}/documents`, text: t('version.documents', { count: one.documents.length }) },
                { to: `${base}/config`, text: t('version.config') },
                { to: `${base}/image`, text: t('field.image') },
                ...(may('read-deployments') ? [{ to: `${base}/deployments`, text: t('nav.deployments') }] : []),
                ...(one.decided_ms > 0 && one.state !== 'refused' ? [{ to: `${base}/sheet`, text: t('sheet.title') }] : []),
                ...(may('read-audit') ? [{ to: `${base}/history`, text: t('version.history') }] : []),
              ]}
            />
            {tab === '' && <Summary of={one} />}
            {tab === 'documents' && <Documents of={one} kind={detail} base={base} />}
            {tab === 'config' && (
              <Suspense fallback={<Bones />}>
                <Config sm3={one.config_sm3} yaml />
              </Suspense>
            )}
            {tab === 'image' && <Image of={one} />}
            {tab === 'deployments' && <Deployments of={one} />}
            {tab === 'sheet' && <AcceptanceSheet of={one} />}
            {tab === 'history' && <History of={one} />}
          </>
        )}
      </Loaded>
    </>
  );
}

function Seal({ of }: { of: Version }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const { data: deployments } = useLive(
    ['deployments', 'of-version', of.id],
    (signal) => must(client.GET('/deployments', { signal, params: { query: { version_id: of.id, page_size: 50 } } })),
    { enabled: may('read-deployments') && of.state === 'accepted' },
  );
  const granted = deployments?.items.flatMap((one) => one.units).filter((unit) => unit.instance_id !== '').length ?? 0;
  const serving = deployments?.items.reduce((sum, one) => sum + one.ready, 0) ?? 0;
  const accepted = of.state === 'accepted' || of.state === 'withdrawn';
  const steps: Step[] = [
    { key: 'signed', state: 'done', proof: <span title={of.signer_fingerprint}>{of.signer_fingerprint.slice(0, 9)}…</span> },
    { key: 'sealed', state: 'done', proof: <span title={of.delivery_key_id}>{t('seal.key', { id: middle(of.delivery_key_id, 4) })}</span> },
    {
      key: 'accepted',
      state: of.state === 'refused' ? 'not' : accepted ? 'done' : 'open',
      proof: of.decided_ms > 0 ? <>{of.decided_by} <Time ms={of.decided_ms} /></> : t('seal.waits'),
    },
    { key: 'granted', state: granted > 0 ? 'done' : 'open', proof: granted > 0 ? t('seal.granted-proof', { count: granted }) : t('seal.not-yet') },
    { key: 'opened', state: serving > 0 ? 'done' : 'open', proof: serving > 0 ? t('seal.opened-proof', { count: serving }) : t('seal.not-yet') },
  ];
  return <SealStrip steps={steps} />;
}

function Acts({ of }: { of: Version }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { may } = useSession();
  const [asks, setAsks] = useState<'' | 'accept' | 'refuse' | 'withdraw' | 'delete'>('');
  const path = { path: { id: of.id } };
  const after = () => queries.invalidateQueries();
  const close = () => setAsks('');
  if (!may('decide-versions') && !may('read-deployments')) return null;
  const name = `${of.name} ${of.version}`;
  return (
    <>
      {of.state === 'submitted' && (
        <>
          <Act needs="decide-versions" onClick={() => setAsks('refuse')}>
            {t('version.refuse')}
          </Act>
          <Act needs="decide-versions" type="primary" onClick={() => setAsks('accept')}>
            {t('version.accept', { version: of.version })}
          </Act>
        </>
      )}
      {of.state === 'accepted' && (
        <>
          <Act needs="decide-versions" onClick={() => setAsks('withdraw')}>
            {t('version.withdraw')}
          </Act>
          <Act needs="deploy" type="primary" onClick={() => void navigate(`/deploy?version=${of.id}`)}>
            {t('act.deploy')}
          </Act>
        </>
      )}
      {of.state === 'withdrawn' && (
        <Act needs="decide-versions" onClick={() => setAsks('accept')}>
          {t('version.accept', { version: of.version })}
        </Act>
      )}
      {(of.state === 'refused' || of.state === 'submitted') && (
        <Act needs="decide-versions" danger onClick={() => setAsks('delete')}>
          {t('act.delete-ask')}
        </Act>
      )}
      <Dialog
        open={asks === 'accept'}
        close={close}
        title={t('version.accept-title', { name })}
        act={t('version.accept', { version: of.version })}
        doing={t('version.accepting')}
        run={async () => {
          await must(client.POST('/models/{id}/acceptance', { params: path }));
          await after();
        }}
      >
        <p>{t('version.accept-text')}</p>
        <Facts
          of={[
            [t('version.package'), <Id key="p" value={of.package_sm3} keep={12} />],
            [t('field.image'), <Id key="i" value={of.image_digest} keep={14} />],
            [t('version.signer'), <span key="s" className="mono">{of.signer_fingerprint}</span>],
          ]}
        />
      </Dialog>
      <Dialog
        open={asks === 'refuse'}
        close={close}
        title={t('version.refuse-title', { name })}
        act={t('version.refuse-act')}
        reason={t('version.refuse-reason')}
        run={async (reason) => {
          await must(client.POST('/models/{id}/refusal', { params: path, body: { reason } }));
          await after();
        }}
      >
        <p>{t('version.refuse-text')}</p>
      </Dialog>
      <Dialog
        open={asks === 'withdraw'}
        close={close}
        title={t('version.withdraw-title', { name })}
        act={t('version.withdraw-act')}
        reason={t('field.reason')}
        run={async (reason) => {
          await must(client.POST('/models/{id}/withdrawal', { params: path, body: { reason } }));
          await after();
        }}
      >
        <p>{t('version.withdraw-text')}</p>
      </Dialog>
      <Dialog
        open={asks === 'delete'}
        close={close}
        danger
        title={t('version.delete-title', { name })}
        act={t('act.delete')}
        typed={of.name}
        run={async () => {
          await must(client.DELETE('/models/{id}', { params: path }));
          await navigate('/models');
          await after();
        }}
      >
        <p>{t('version.delete-text')}</p>
      </Dialog>
    </>
  );
}

function Summary({ of }: { of: Version }) {
  const { t } = useTranslation();
  return (
    <>
      <Suspense>
        <Compare of={of} />
      </Suspense>
      <Facts
        of={[
          [t('field.model'), `${of.name} ${of.version}`],
          [t('field.function'), of.function],
          [t('field.language'), of.language],
          [t('field.vendor'), <Link key="v" to={`/vendors/${of.vendor_id}`}>{of.vendor_name || of.vendor_id}</Link>],
          [t('version.signer'), <span key="s" className="mono">{of.signer_fingerprint}</span>],
          [t('version.package'), <Id key="p" value={of.package_sm3} keep={16} />],
          [t('version.payload'), <span key="y">{bytes(of.payload_size)} <Id value={of.payload_header_sm3} keep={12} /></span>],
          [t('version.submitted'), <span key="m">{of.submitted_by} <Time ms={of.submitted_ms} absolute /></span>],
          ...(of.decided_ms > 0 ? ([[t('version.decided'), <span key="d">{of.decided_by} <Time ms={of.decided_ms} absolute /></span>]] as [string, ReactNode][]) : []),
        ]}
      />
      <h2>{t('version.nine')}</h2>
      <Suspense fallback={<Bones />}>
        <Config sm3={of.config_sm3} />
      </Suspense>
    </>
  );
}

function Documents({ of, kind, base }: { of: Version; kind: string; base: string }) {
  const { t } = useTranslation();
  const shown = kKinds.find((one) => one === kind) ?? of.documents[0]?.kind;
  const asked = useQuery({
    queryKey: ['document', of.id, shown],
    enabled: shown !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => must(client.GET('/models/{id}/documents/{kind}', { signal, params: { path: { id: of.id, kind: shown ?? 'usage' } }, parseAs: 'text' })),
  });
  if (shown === undefined) return <Empty>{t('version.no-documents')}</Empty>;
  return (
    <>
      <div className="row" style={{ gap: 16, marginBottom: 16 }}>
        {of.documents.map((one) => (
          <Link key={one.kind} to={`${base}/documents/${one.kind}`} className="facet" aria-current={one.kind === shown ? 'page' : undefined}>
            {t(`document.${one.kind}`)} <span className="note">{bytes(one.size)}</span>
          </Link>
        ))}
      </div>
      <Loaded of={asked}>
        {(text) => (
          <Suspense fallback={<Bones />}>
            <Markdown text={text} />
          </Suspense>
        )}
      </Loaded>
      <p className="note" style={{ marginTop: 24 }}>
        SM3 {of.documents.find((one) => one.kind === shown)?.sm3}
      </p>
    </>
  );
}

function Image({ of }: { of: Version }) {
  const { t } = useTranslation();
  return (
    <Facts
      of={[
        [t('field.image'), of.image_name],
        [t('field.digest'), <span key="d" className="mono">{of.image_digest}<Copy text={of.image_digest} /></span>],
        [t('field.address'), <span key="a" className="mono">{of.image_address}<Copy text={of.image_address} /></span>],
        [t('version.payload'), bytes(of.payload_size)],
      ]}
    />
  );
}

function Deployments({ of }: { of: Version }) {
  const { t } = useTranslation();
  const asked = useLive(['deployments', 'of-version', of.id], (signal) => must(client.GET('/deployments', { signal, params: { query: { version_id: of.id, page_size: 50 } } })));
  return (
    <Loaded of={asked}>
      {(page) =>
        page.items.length === 0 ? (
          <Empty act={of.state === 'accepted' ? <Link to={`/deploy?version=${of.id}`}>{t('act.deploy')}</Link> : undefined}>{t('version.no-deployments')}</Empty>
        ) : (
          <Table
            name={t('nav.deployments')}
            rows={page.items}
            keyOf={(one) => one.id}
            columns={[
              { title: t('field.name'), cell: (one) => <Link to={`/deployments/${one.id}`}>{one.name}</Link> },
              { title: t('field.state'), cell: (one) => <StateOf state={one.state} more={`${one.ready}/${one.replicas}`} /> },
              { title: t('field.cluster'), cell: (one) => one.cluster },
              { title: t('field.changed'), align: 'right', cell: (one) => <Time ms={one.changed_ms} /> },
            ]}
          />
        )
      }
    </Loaded>
  );
}

function History({ of }: { of: Version }) {
  const { t } = useTranslation();
  const asked = useLive(['audit', 'of', of.id], (signal) => must(client.GET('/audit', { signal, params: { query: { subject: of.id, page_size: 50 } } })));
  return (
    <Loaded of={asked}>
      {(page) =>
        page.items.length === 0 ? (
          <Empty>{t('audit.none')}</Empty>
        ) : (
          <Table
            name={t('nav.audit')}
            rows={page.items}
            keyOf={(one) => String(one.seq)}
            columns={[
              { title: t('audit.seq'), align: 'right', cell: (one) => one.seq },
              { title: t('field.time'), cell: (one) => <Time ms={one.time_ms} absolute /> },
              { title: t('audit.actor'), cell: (one) => one.actor },
              { title: t('audit.action'), cell: (one) => one.action },
              { title: t('audit.outcome'), cell: (one) => one.outcome },
              { title: t('audit.detail'), wide: true, cell: (one) => one.detail },
            ]}
          />
        )
      }
    </Loaded>
  );
}
