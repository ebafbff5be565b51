import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Act } from '../ui/act.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Id, Loaded, PageHead, State, Time } from '../ui/parts.tsx';
import { Pages, Table, useList } from '../ui/table.tsx';
import { KeyTabs } from './keys.tsx';

const kSize = 50;

// Who was granted a payload's key and when; of one deployment or of all.
export function Grants({ deployment }: { deployment?: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const list = useList();
  const [ends, setEnds] = useState<Schemas['Instance'] | null>(null);
  const query = { deployment, page: list.page, page_size: kSize };
  const asked = useLive(['instances', query], (signal) => must(client.GET('/instances', { signal, params: { query } })), { keep: true });
  return (
    <Loaded of={asked}>
      {(page) =>
        page.items.length === 0 ? (
          <Empty>{t('grants.empty')}</Empty>
        ) : (
          <>
            <Table
              name={t('deployment.grants')}
              rows={page.items}
              keyOf={(one) => one.id}
              columns={[
                { title: t('grants.instance'), cell: (one) => <span className="mono">{one.id}</span> },
                { title: t('field.state'), cell: (one) => <State kind={one.ended_ms > 0 ? 'gone' : 'ready'}>{t(one.ended_ms > 0 ? 'grants.ended' : 'grants.holds')}</State> },
                ...(deployment ? [] : [{ title: t('grants.deployment'), cell: (one: Schemas['Instance']) => <Link to={`/deployments/${one.deployment_id}`}>{one.deployment_id}</Link> }]),
                { title: t('field.unit'), cell: (one) => <span className="mono">{one.unit}</span> },
                { title: t('field.revision'), align: 'right' as const, cell: (one) => one.revision || '—' },
                { title: t('grants.key'), cell: (one) => <Id value={one.signing_key_id} /> },
                { title: t('grants.granted'), cell: (one) => <Time ms={one.granted_ms} /> },
                { title: t('grants.lease'), cell: (one) => (one.ended_ms > 0 ? <span>{one.end_reason || <Time ms={one.ended_ms} />}</span> : <Time ms={one.lease_until_ms} />) },
                { title: t('grants.calls'), align: 'right' as const, cell: (one) => groups(one.calls) },
                {
                  title: '',
                  cell: (one) =>
                    one.ended_ms === 0 && (
                      <Act needs="manage-keys" size="small" danger onClick={() => setEnds(one)}>
                        {t('grants.revoke')}
                      </Act>
                    ),
                },
              ]}
            />
            <Pages list={list} total={page.total} size={kSize} />
            <Dialog
              open={ends !== null}
              close={() => setEnds(null)}
              danger
              title={t('grants.revoke-title', { id: ends?.id ?? '' })}
              act={t('grants.revoke-act')}
              reason={t('field.reason')}
              run={async (reason) => {
                await must(client.POST('/instances/{id}/revocation', { params: { path: { id: ends?.id ?? '' } }, body: { reason } }));
                await queries.invalidateQueries();
              }}
            >
              <p>{t('grants.revoke-text', { unit: ends?.unit ?? '' })}</p>
            </Dialog>
          </>
        )
      }
    </Loaded>
  );
}

export default function GrantsPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t('nav.keys')} lead={t('grants.lead')} />
      <KeyTabs />
      <Grants />
    </>
  );
}
