import { Input } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Act } from '../ui/act.tsx';
import { Dialog, Shown } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Id, Loaded, PageHead, State, StateOf, Time, save } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';

// What it says itself, in English, stands under what that means.
function Trouble({ of }: { of: Schemas['Gateway'] }) {
  const { t } = useTranslation();
  return (
    <div>
      <State kind="degraded">{t(of.trouble === 'entries-left-out' ? 'gateways.left-out' : 'gateways.refused-snapshot')}</State> <Time ms={of.trouble_ms} />
      <p>
        <code lang="en">
          {of.trouble}: {of.trouble_detail}
        </code>
      </p>
    </div>
  );
}

export default function Gateways() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [inviting, setInviting] = useState(false);
  const [id, setId] = useState('');
  const [url, setUrl] = useState('');
  const [join, setJoin] = useState<Schemas['JoinFile'] | null>(null);
  const [ends, setEnds] = useState('');
  const asked = useLive(['gateways'], (signal) => must(client.GET('/gateways', { signal })));
  return (
    <>
      <PageHead
        title={t('nav.gateways')}
        lead={t('gateways.lead')}
        acts={
          <Act needs="manage-gateways" onClick={() => setInviting(true)}>
            {t('gateways.invite-ask')}
          </Act>
        }
      />
      <Loaded of={asked}>
        {(list) =>
          list.items.length === 0 ? (
            <Empty>{t('gateways.empty')}</Empty>
          ) : (
            <Table
              name={t('nav.gateways')}
              rows={list.items}
              keyOf={(one) => one.id}
              columns={[
                { title: t('gateways.id'), cell: (one) => one.id },
                { title: t('field.state'), cell: (one) => <StateOf state={one.state} /> },
                {
                  title: t('gateways.line'),
                  cell: (one) => (
                    <>
                      {one.connected ? <State kind="ready">{t('gateways.connected')}</State> : <State kind={one.state === 'enrolled' ? 'failed' : 'gone'}>{t('gateways.not-connected')}</State>}
                      {one.state === 'enrolled' && one.trouble !== '' && <Trouble of={one} />}
                    </>
                  ),
                },
                { title: t('gateways.seen'), cell: (one) => <Time ms={one.last_seen_ms} /> },
                { title: t('gateways.serial'), align: 'right', cell: (one) => `${groups(one.serial_confirmed)} / ${groups(one.serial_sent)}` },
                { title: t('gateways.key'), cell: (one) => <Id value={one.receive_key_id} /> },
                { title: t('gateways.version'), cell: (one) => one.version || '—' },
                {
                  title: '',
                  cell: (one) =>
                    one.state !== 'revoked' && (
                      <Act needs="manage-gateways" size="small" danger onClick={() => setEnds(one.id)}>
                        {t('gateways.revoke-ask')}
                      </Act>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <Dialog
        open={inviting}
        close={() => setInviting(false)}
        title={t('gateways.invite')}
        act={t('gateways.invite')}
        ready={id !== ''}
        run={async () => {
          setJoin(await must(client.POST('/gateways', { body: { id, ...(url ? { platform_url: url } : {}) } })));
          await queries.invalidateQueries({ queryKey: ['gateways'] });
        }}
      >
        <p>{t('gateways.invite-text')}</p>
        <label htmlFor="gateway-id">{t('gateways.id')}</label>
        <Input id="gateway-id" value={id} maxLength={63} onChange={(event) => setId(event.target.value.toLowerCase())} />
        <label htmlFor="gateway-url">{t('gateways.url')}</label>
        <Input id="gateway-url" value={url} maxLength={500} placeholder={window.location.origin} onChange={(event) => setUrl(event.target.value)} />
      </Dialog>
      <Shown
        open={join !== null}
        close={() => setJoin(null)}
        title={t('gateways.made', { id: join?.gateway ?? '' })}
        note={t('gateways.shown-once')}
        secret={join?.code ?? ''}
        file={() => save(`${join?.gateway ?? 'gateway'}.join`, `${JSON.stringify(join)}\n`, 'application/json')}
      />
      <Dialog
        open={ends !== ''}
        close={() => setEnds('')}
        danger
        title={t('gateways.revoke-title', { id: ends })}
        act={t('gateways.revoke')}
        typed={ends}
        run={async () => {
          await must(client.DELETE('/gateways/{gateway}', { params: { path: { gateway: ends } } }));
          await queries.invalidateQueries({ queryKey: ['gateways'] });
        }}
      >
        <p>{t('gateways.revoke-text')}</p>
      </Dialog>
    </>
  );
}
