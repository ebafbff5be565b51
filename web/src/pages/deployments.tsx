import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { said } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Aged, useAged } from '../ui/age.tsx';
import { Csv } from '../ui/csv.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Loaded, PageHead, StateOf, Time } from '../ui/parts.tsx';
import { PickedBar, usePickColumn, usePicked } from '../ui/pick.tsx';
import { Facet, Filter, Pages, Table, useList } from '../ui/table.tsx';
import { BulkActs } from './deployments-bulk.tsx';

const kSize = 50;
const kStates = ['failed', 'degraded', 'starting', 'ready', 'stopped'] as const;
type Deployment = Schemas['Deployment'];
type State = Deployment['state'];

export default function Deployments() {
  const { t } = useTranslation();
  const { may } = useSession();
  const navigate = useNavigate();
  const list = useList();
  const wanted = list.get('state');
  const query = {
    text: list.get('text') || undefined,
    state: (kStates as readonly string[]).includes(wanted) ? (wanted as State) : undefined,
    page: list.page,
    page_size: kSize,
  };
  const asked = useLive(['deployments', query], (signal) => must(client.GET('/deployments', { signal, params: { query } })), { keep: true });
  const filtered = Boolean(query.text || query.state);
  const picked = usePicked<Deployment>(asked.data?.items ?? [], (one) => one.id);
  const pick = usePickColumn(picked, asked.data?.items ?? [], (one) => one.name);
  const aged = useAged();
  return (
    <>
      <PageHead
        title={t('nav.deployments')}
        lead={asked.data && t('deployments.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="deploy" type="primary" onClick={() => void navigate('/deploy')}>
            {t('act.deploy-ask')}
          </Act>
        }
      />
      <div className="facets">
        <Filter list={list} placeholder={t('deployments.filter')} />
        <Facet list={list} name="state" label={t('field.state')} values={[{ value: '', text: t('facet.all') }, ...kStates.map((value) => ({ value, text: t(`state.${value}`) }))]} />
        <Csv
          name="mifeng-deployments"
          head={[t('field.name'), t('field.state'), t('deployments.why'), t('field.model'), t('field.version'), t('field.cluster'), t('deployments.ports'), t('deployments.grade')]}
          page={(page, page_size) => must(client.GET('/deployments', { params: { query: { ...query, page, page_size } } }))}
          row={(one: Deployment) => [one.name, `${t(`state.${one.state}`)} ${one.ready}/${one.replicas}`, said(one.reason), one.model, one.version, one.cluster, one.ports.map((port) => port.node_port).join(' '), one.grade]}
        />
      </div>
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty act={filtered ? undefined : <Link to="/models?state=accepted">{t('deployments.empty-act')}</Link>}>{t(filtered ? 'table.none-fit' : 'deployments.empty')}</Empty>
          ) : (
            <>
              <Aged of={[...aged.values()].filter((cluster) => page.items.some((one) => one.cluster === cluster.id))} names />
              <PickedBar picked={picked} beyond={{ total: page.total, page: (at, size) => must(client.GET('/deployments', { params: { query: { ...query, page: at, page_size: size } } })) }}>
                <BulkActs picked={picked} />
              </PickedBar>
              <Table
                name={t('nav.deployments')}
                rows={page.items}
                keyOf={(one) => one.id}
                rowClass={(one) => [picked.has(one) ? 'picked' : '', aged.has(one.cluster) ? 'stale' : ''].join(' ').trim() || undefined}
                columns={[
                  ...(may('deploy') ? [pick] : []),
                  { title: t('field.name'), cell: (one) => <Link to={`/deployments/${one.id}`}>{one.name}</Link> },
                  { title: t('field.state'), cell: (one) => <StateOf state={one.state} more={`${one.ready}/${one.replicas}`} /> },
                  { title: t('deployments.why'), wide: true, cell: (one) => one.reason && <span>{said(one.reason)}</span> },
                  { title: t('field.model'), cell: (one) => <Link to={`/models/${one.vendor_id}/${one.model}/${one.version}`}>{`${one.model} ${one.version}`}</Link> },
                  { title: t('field.cluster'), cell: (one) => one.cluster },
                  { title: t('deployments.ports'), cell: (one) => <Ports of={one} /> },
                  { title: t('deployments.grade'), cell: (one) => <span title={t(`grade.${one.grade}`)}>{one.grade}</span> },
                  { title: t('field.changed'), align: 'right', cell: (one) => <Time ms={one.changed_ms} /> },
                ]}
              />
              <Pages list={list} total={page.total} size={kSize} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

function Ports({ of }: { of: Deployment }) {
  const shown = of.ports.slice(0, 3);
  return (
    <>
      {shown.map((port, at) => (
        <span key={port.node_port}>
          {at > 0 && ', '}
          <Link className="mono" to={`/ports?cluster=${of.cluster}&port=${port.node_port}`}>
            {port.node_port}
          </Link>
        </span>
      ))}
      {of.ports.length > shown.length && ` +${of.ports.length - shown.length}`}
    </>
  );
}
