import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { bytes, groups } from '../ui/format.ts';
import { Empty, Id, Loaded, PageHead, Time } from '../ui/parts.tsx';
import { Pages, Table, useList } from '../ui/table.tsx';
import { LibraryTabs } from './models.tsx';

const kSize = 50;

export default function Configs() {
  const { t } = useTranslation();
  const list = useList();
  const query = { page: list.page, page_size: kSize };
  const asked = useLive(['configs', query], (signal) => must(client.GET('/configs', { signal, params: { query } })), { keep: true });
  return (
    <>
      <PageHead title={t('library.configs')} lead={asked.data && t('configs.lead', { count: asked.data.total, number: groups(asked.data.total) })} />
      <LibraryTabs />
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t('configs.empty')}</Empty>
          ) : (
            <>
              <Table
                name={t('library.configs')}
                rows={page.items}
                keyOf={(one) => one.sm3}
                columns={[
                  { title: 'SM3', cell: (one) => <Id value={one.sm3} keep={12} /> },
                  { title: t('field.address'), wide: true, cell: (one) => <a href={`/api/v1/configs/${one.sm3}`} target="_blank" rel="noreferrer">{one.address}</a> },
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
