import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Act } from '../ui/act.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Loaded, PageHead, State, StateOf, Time } from '../ui/parts.tsx';
import { Filter, Pages, Table, useList } from '../ui/table.tsx';

const kSize = 50;
type Counts = Schemas['BatchCounts'];
type Summary = Schemas['BatchSummary'];

export const allOf = (counts: Counts) => counts.waiting + counts.working + counts.ready + counts.failed + counts.cancelled + counts.rolled_back;

// What became of a batch in one word, and of its items as one line.
export function BatchState({ of }: { of: Summary }) {
  const { t } = useTranslation();
  if (of.state === 'working') return <StateOf state="working" />;
  if (of.counts.failed > 0) return <State kind="failed">{t('batch.done-failed', { count: of.counts.failed })}</State>;
  if (of.asked === 'roll-back') return <StateOf state="rolled-back" />;
  if (of.asked === 'cancel' && of.counts.cancelled > 0) return <State kind="gone">{t('batch.rest-cancelled')}</State>;
  return <StateOf state="done" />;
}

export function Parts({ of }: { of: Counts }) {
  const all = Math.max(1, allOf(of));
  const part = (count: number) => ({ width: `${(100 * count) / all}%` });
  return (
    <div className="parts" aria-hidden>
      <i className="ready" style={part(of.ready)} />
      <i className="failed" style={part(of.failed)} />
      <i className="working" style={part(of.working)} />
      <i className="gone" style={part(of.cancelled + of.rolled_back)} />
    </div>
  );
}

export default function Batches() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const list = useList();
  const query = { text: list.get('text') || undefined, page: list.page, page_size: kSize };
  const asked = useLive(['batches', query], (signal) => must(client.GET('/batches', { signal, params: { query } })), { keep: true });
  return (
    <>
      <PageHead
        title={t('nav.batches')}
        lead={asked.data && t('batches.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="deploy" type="primary" onClick={() => void navigate('/batches/new')}>
            {t('batches.new-ask')}
          </Act>
        }
      />
      <div className="facets">
        <Filter list={list} placeholder={t('batches.filter')} />
      </div>
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty act={query.text ? undefined : <Link to="/models?state=accepted">{t('deployments.empty-act')}</Link>}>{t(query.text ? 'table.none-fit' : 'batches.empty')}</Empty>
          ) : (
            <>
              <Table
                name={t('nav.batches')}
                rows={page.items}
                keyOf={(one) => one.id}
                columns={[
                  { title: t('batches.id'), cell: (one) => <Link className="mono" to={`/batches/${one.id}`}>{one.id}</Link> },
                  { title: t('field.state'), cell: (one) => <BatchState of={one} /> },
                  {
                    title: t('batches.progress'),
                    cell: (one) => (
                      <div style={{ width: 160 }}>
                        <Parts of={one.counts} />
                      </div>
                    ),
                  },
                  { title: t('state.ready'), align: 'right', cell: (one) => `${groups(one.counts.ready)}/${groups(allOf(one.counts))}` },
                  { title: t('state.failed'), align: 'right', cell: (one) => <span className={one.counts.failed > 0 ? 'danger' : 'second'}>{groups(one.counts.failed)}</span> },
                  { title: t('batches.left'), align: 'right', cell: (one) => groups(one.counts.waiting + one.counts.working) },
                  { title: t('revision.by'), cell: (one) => one.created_by },
                  { title: t('batches.begun'), align: 'right', cell: (one) => <Time ms={one.created_ms} /> },
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
