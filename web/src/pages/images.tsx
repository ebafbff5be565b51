import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { bytes, groups } from '../ui/format.ts';
import { Empty, Id, Loaded, PageHead, Time } from '../ui/parts.tsx';
import { Filter, Pages, Table, useList } from '../ui/table.tsx';
import { LibraryTabs } from './models.tsx';

const kSize = 50;

export default function Images() {
  const { t } = useTranslation();
  const list = useList();
  const query = { text: list.get('text') || undefined, page: list.page, page_size: kSize };
  const asked = useLive(['images', query], (signal) => must(client.GET('/images', { signal, params: { query } })), { keep: true });
  return (
    <>
      <PageHead title={t('library.images')} lead={asked.data && t('images.lead', { count: asked.data.total, number: groups(asked.data.total) })} />
      <LibraryTabs />
      <div className="facets">
        <Filter list={list} placeholder={t('images.filter')} />
      </div>
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t(query.text ? 'table.none-fit' : 'images.empty')}</Empty>
          ) : (
            <>
              <Table
                name={t('library.images')}
                rows={page.items}
                keyOf={(one) => one.name + one.digest}
                columns={[
                  { title: t('field.image'), wide: true, cell: (one) => one.name },
                  { title: t('field.digest'), cell: (one) => <Id value={one.digest} keep={14} /> },
                  { title: t('field.address'), wide: true, cell: (one) => <span className="mono">{one.address}</span> },
                  { title: t('field.size'), align: 'right', cell: (one) => bytes(one.size) },
                  { title: t('field.created'), align: 'right', cell: (one) => <Time ms={one.created_ms} /> },
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
