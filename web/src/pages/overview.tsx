import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { said } from '../i18n/said.ts';
import { groups } from '../ui/format.ts';
import { Empty, Failure, Loaded, PageHead, State, StateOf, Time } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { addressOf } from './models.tsx';
import { Calls } from './overview-calls.tsx';

const kDayMs = 24 * 3600_000;
const kSoonMs = 30 * 24 * 3600_000;
type Deployment = Schemas['Deployment'];
const kBroken: Deployment['state'][] = ['failed', 'degraded'];
const kCounted = ['ready', 'starting', 'degraded', 'failed', 'stopped'] as const;

function useCount(state: Deployment['state']) {
  return useLive(['deployments', 'count', state], (signal) => must(client.GET('/deployments', { signal, params: { query: { state, page_size: 200 } } })));
}

export default function Overview() {
  const { t } = useTranslation();
  const all = useLive(['deployments', 'count', 'all'], (signal) => must(client.GET('/deployments', { signal, params: { query: { page_size: 1 } } })));
  const counts = { ready: useCount('ready'), starting: useCount('starting'), degraded: useCount('degraded'), failed: useCount('failed'), stopped: useCount('stopped') };
  const failed = counts.failed;
  const degraded = counts.degraded;
  return (
    <>
      <PageHead title={t('nav.overview')} />
      <Loaded of={all} rows={2}>
        {(page) =>
          page.total === 0 ? (
            <Empty act={<Link to="/models">{t('overview.empty-act')}</Link>}>{t('overview.empty')}</Empty>
          ) : (
            <p className="row" style={{ gap: 24 }}>
              <span>
                <span className="big">{groups(page.total)}</span> {t('overview.deployments', { count: page.total })}
              </span>
              {kCounted.map((state) => {
                const total = counts[state].data?.total ?? 0;
                return total > 0 ? (
                  <Link key={state} to={`/deployments?state=${state}`}>
                    <StateOf state={state} more={groups(total)} />
                  </Link>
                ) : null;
              })}
            </p>
          )
        }
      </Loaded>
      {failed.data && degraded.data && failed.data.total + degraded.data.total > 0 && (
        <>
          <h2>{t('overview.broken')}</h2>
          <Broken of={[...failed.data.items, ...degraded.data.items].filter((one) => kBroken.includes(one.state))} />
        </>
      )}
      <Waiting />
      <Calls />
      <RunsOut />
    </>
  );
}

// Equal causes are one row.
function Broken({ of }: { of: Deployment[] }) {
  const { t } = useTranslation();
  const causes = new Map<string, Deployment[]>();
  for (const one of of) causes.set(one.reason, [...(causes.get(one.reason) ?? []), one]);
  return (
    <Table
      name={t('overview.broken')}
      rows={[...causes].map(([reason, these]) => ({ reason, these }))}
      keyOf={(cause) => cause.reason}
      columns={[
        {
          title: t('nav.deployments'),
          cell: ({ these }) => {
            const [first] = these;
            if (!first) return null;
            return these.length === 1 ? <Link to={`/deployments/${first.id}`}>{first.name}</Link> : <Link to={`/deployments?state=${first.state}`}>{t('overview.many', { count: these.length })}</Link>;
          },
        },
        { title: t('field.state'), cell: ({ these }) => <StateOf state={these[0]?.state ?? 'failed'} /> },
        { title: t('deployments.why'), wide: true, cell: ({ reason }) => said(reason) },
        { title: t('field.changed'), align: 'right', cell: ({ these }) => <Time ms={Math.max(...these.map((one) => one.changed_ms))} /> },
      ]}
    />
  );
}

function Waiting() {
  const { t } = useTranslation();
  const { may } = useSession();
  const versions = useLive(['models', 'submitted'], (signal) => must(client.GET('/models', { signal, params: { query: { state: 'submitted', page_size: 5 } } })), { enabled: may('read-models') });
  const vendors = useLive(['vendors', 'waiting'], (signal) => must(client.GET('/vendors', { signal, params: { query: { page_size: 200 } } })), { enabled: may('read-vendors') });
  const keys = vendors.data?.items.filter((one) => one.pending_fingerprint !== '' || one.telephone_waits) ?? [];
  const batches = useLive(['batches', 'failed'], (signal) => must(client.GET('/batches', { signal, params: { query: { page_size: 20 } } })), { enabled: may('read-deployments') });
  // Nobody says of a batch that he knows: a day later it does not wait any more.
  const failed = batches.data?.items.filter((one) => one.state === 'done' && one.counts.failed > 0 && one.created_ms > Date.now() - kDayMs) ?? [];
  const count = (versions.data?.total ?? 0) + keys.length + failed.length;
  return (
    <>
      <h2>{versions.data ? t('overview.waiting', { count }) : t('overview.waiting-unknown')}</h2>
      {versions.error && !versions.data && <Failure error={versions.error} again={() => void versions.refetch()} />}
      {versions.data && count === 0 && <p className="second">{t('overview.nothing-waits')}</p>}
      {versions.data?.items.map((one) => (
        <div key={one.id} className="row" style={{ padding: '4px 0' }}>
          <StateOf state="submitted" />
          <Link to={addressOf(one)}>
            {one.name} {one.version}
          </Link>
          <span className="second">
            {one.vendor_name || one.vendor_id} · <Time ms={one.submitted_ms} />
          </span>
        </div>
      ))}
      {(versions.data?.total ?? 0) > 5 && <Link to="/models?state=submitted">{t('overview.all-waiting', { count: versions.data?.total })}</Link>}
      {failed.map((one) => (
        <div key={one.id} className="row" style={{ padding: '4px 0' }}>
          <State kind="failed">{t('overview.batch-failed', { count: one.counts.failed })}</State>
          <Link to={`/batches/${one.id}?show=failed`}>{one.id}</Link>
          <span className="second">
            {one.created_by} · <Time ms={one.created_ms} />
          </span>
        </div>
      ))}
      {keys.map((one) => (
        <div key={one.id} className="row" style={{ padding: '4px 0' }}>
          <State kind="waits">{t(one.telephone_waits ? 'overview.telephone-waits' : 'overview.key-waits')}</State>
          <Link to={may('confirm-vendor-keys') && !one.telephone_waits ? `/vendors/${one.id}/key` : `/vendors/${one.id}`}>{one.name}</Link>
        </div>
      ))}
    </>
  );
}

function RunsOut() {
  const { t } = useTranslation();
  const { may } = useSession();
  const keys = useLive(['keys'], (signal) => must(client.GET('/keys', { signal })), { enabled: may('read-keys') });
  const gateways = useLive(['gateways'], (signal) => must(client.GET('/gateways', { signal })), { enabled: may('read-gateways') });
  const soon = keys.data?.items.filter((one) => one.state === 'in-force' && one.not_after_ms > 0 && one.not_after_ms < Date.now() + kSoonMs && one.purpose !== 'output') ?? [];
  const away = gateways.data?.items.filter((one) => one.state === 'enrolled' && !one.connected) ?? [];
  const troubled = gateways.data?.items.filter((one) => one.state === 'enrolled' && one.trouble !== '') ?? [];
  if (soon.length + away.length + troubled.length === 0) return null;
  return (
    <>
      <h2>{t('overview.runs-out')}</h2>
      {soon.map((one) => (
        <div key={one.id} className="row">
          <State kind="degraded">{t(`keys.${one.purpose}`)}</State>
          <Link to="/keys">{one.serial}</Link> <Time ms={one.not_after_ms} />
        </div>
      ))}
      {away.map((one) => (
        <div key={one.id} className="row">
          <State kind="failed">{t('overview.gateway-away')}</State>
          <Link to="/gateways">{one.id}</Link> <Time ms={one.last_seen_ms} />
        </div>
      ))}
      {troubled.map((one) => (
        <div key={`${one.id} trouble`} className="row">
          <State kind="degraded">{t('overview.gateway-trouble')}</State>
          <Link to="/gateways">{one.id}</Link> <Time ms={one.trouble_ms} />
        </div>
      ))}
    </>
  );
}
