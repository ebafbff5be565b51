import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { Act } from '../ui/act.tsx';
import { type Brought, pickOf } from '../ui/batch.ts';
import { Csv } from '../ui/csv.tsx';
import { groups, moment } from '../ui/format.ts';
import { Empty, Loaded, PageHead, StateOf, Tabs, Time } from '../ui/parts.tsx';
import { PickedBar, usePickColumn, usePicked } from '../ui/pick.tsx';
import { Facet, Filter, Pages, Table, useList } from '../ui/table.tsx';

type Version = Schemas['ModelVersion'];
const kSize = 50;
const kStates = ['submitted', 'accepted', 'refused', 'withdrawn'] as const;

export const addressOf = (one: Version) => `/models/${one.vendor_id}/${one.name}/${one.version}`;

export function LibraryTabs() {
  const { t } = useTranslation();
  return (
    <Tabs
      label={t('nav.models')}
      tabs={[
        { to: '/models', text: t('library.versions'), end: true },
        { to: '/library/configs', text: t('library.configs') },
        { to: '/library/images', text: t('library.images') },
      ]}
    />
  );
}

export default function Models() {
  const { t } = useTranslation();
  const { may } = useSession();
  const navigate = useNavigate();
  const list = useList();
  const query = {
    text: list.get('text') || undefined,
    language: list.get('language') || undefined,
    vendor: list.get('vendor') || undefined,
    state: (kStates as readonly string[]).includes(list.get('state')) ? (list.get('state') as Version['state']) : undefined,
    page: list.page,
    page_size: kSize,
  };
  const asked = useLive(['models', query], (signal) => must(client.GET('/models', { signal, params: { query } })), { keep: true });
  const waiting = useLive(['models', 'waiting'], (signal) => must(client.GET('/models', { signal, params: { query: { state: 'submitted', page_size: 1 } } })));
  const filtered = Boolean(query.text || query.language || query.vendor || query.state);
  const picked = usePicked<Version>(asked.data?.items ?? [], (one) => one.id);
  const pick = usePickColumn(
    picked,
    asked.data?.items ?? [],
    (one) => `${one.name} ${one.version}`,
    (one) => (one.state === 'accepted' ? '' : t('deploy.not-accepted', { state: t(`state.${one.state}`) })),
  );
  // What was picked, or else all that the filter finds.
  const batch = () => {
    if (picked.rows.length > 0) {
      void navigate('/batches/new', { state: { picks: picked.rows.map(pickOf) } satisfies Brought });
      return;
    }
    const filter = Object.entries({ text: query.text ?? '', language: query.language ?? '', vendor: query.vendor ?? '' }).filter(([, value]) => value !== '');
    void navigate(`/batches/new?${new URLSearchParams(filter.length > 0 ? filter : [['text', '']]).toString()}`);
  };
  return (
    <>
      <PageHead
        title={t('nav.models')}
        lead={asked.data && t('models.lead', { count: asked.data.total, number: groups(asked.data.total), waiting: groups(waiting.data?.total ?? 0) })}
        acts={
          may('deploy') && (
            <Act needs="deploy" onClick={batch}>
              {t('models.batch-ask')}
            </Act>
          )
        }
      />
      <LibraryTabs />
      <div className="facets">
        <Filter list={list} placeholder={t('models.filter')} />
        <Facet list={list} name="state" label={t('field.state')} values={[{ value: '', text: t('facet.all') }, ...kStates.map((value) => ({ value, text: t(`state.${value}`) }))]} />
        {(query.language || query.vendor) && (
          <button type="button" className="plain" onClick={() => list.set({ language: '', vendor: '' })}>
            {query.language ?? query.vendor} ×
          </button>
        )}
        <Csv
          name="mifeng-models"
          head={[t('field.vendor'), t('field.model'), t('field.version'), t('field.function'), t('field.language'), t('field.state'), t('field.submitted'), 'SM3']}
          page={(page, page_size) => must(client.GET('/models', { params: { query: { ...query, page, page_size } } }))}
          row={(one: Version) => [one.vendor_id, one.name, one.version, one.function, one.language, t(`state.${one.state}`), moment(one.submitted_ms), one.package_sm3]}
        />
      </div>
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty act={!filtered && may('submit') ? <Link to="/submit">{t('models.empty-act')}</Link> : undefined}>{t(filtered ? 'table.none-fit' : 'models.empty')}</Empty>
          ) : (
            <>
              <PickedBar picked={picked}>
                <Act needs="deploy" type="primary" size="small" onClick={batch}>
                  {t('models.batch-ask')}
                </Act>
              </PickedBar>
              <Table
                name={t('nav.models')}
                rows={page.items}
                keyOf={(one) => one.id}
                rowClass={(one) => (picked.has(one) ? 'picked' : undefined)}
                columns={[
                  ...(may('deploy') ? [pick] : []),
                  { title: t('field.model'), cell: (one) => <Link to={addressOf(one)}>{one.name}</Link> },
                  { title: t('field.version'), cell: (one) => <Link to={addressOf(one)}>{one.version}</Link> },
                  { title: t('field.function'), wide: true, cell: (one) => one.function },
                  {
                    title: t('field.language'),
                    cell: (one) => (
                      <button type="button" className="plain" onClick={() => list.set({ language: one.language })}>
                        {one.language}
                      </button>
                    ),
                  },
                  {
                    title: t('field.vendor'),
                    cell: (one) => (
                      <button type="button" className="plain" onClick={() => list.set({ vendor: one.vendor_id })}>
                        {one.vendor_name || one.vendor_id}
                      </button>
                    ),
                  },
                  { title: t('field.state'), cell: (one) => <StateOf state={one.state} /> },
                  { title: t('field.submitted'), align: 'right', cell: (one) => <Time ms={one.submitted_ms} /> },
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
