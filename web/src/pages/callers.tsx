import { Input, Switch } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Dialog, Shown } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Id, Loaded, PageHead, Time, save } from '../ui/parts.tsx';
import { Pages, Table, useList } from '../ui/table.tsx';

const kSize = 50;
type Caller = Schemas['Caller'];

export default function Callers() {
  const { t } = useTranslation();
  const { may } = useSession();
  const list = useList();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<{ what: 'add' } | { what: 'renew' | 'delete'; of: Caller } | null>(null);
  const [name, setName] = useState('');
  const [made, setMade] = useState<Schemas['NewCaller'] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const query = { page: list.page, page_size: kSize };
  const asked = useLive(['callers', query], (signal) => must(client.GET('/callers', { signal, params: { query } })), { keep: true });
  const routes = useLive(['routes', 'all'], (signal) => must(client.GET('/routes', { signal, params: { query: { page_size: 200 } } })), { rarely: true });
  const after = () => queries.invalidateQueries({ queryKey: ['callers'] });
  const of = asks && asks.what !== 'add' ? asks.of : null;
  const mine = (id: string) => routes.data?.items.filter((one) => one.open || one.callers.length === 0 || one.callers.includes(id)) ?? [];
  return (
    <>
      <PageHead
        title={t('nav.callers')}
        lead={asked.data && t('callers.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="manage-callers" onClick={() => setAsks({ what: 'add' })}>
            {t('callers.add-ask')}
          </Act>
        }
      />
      {error !== null && <div className="failure" role="alert">{saidError(error)}</div>}
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t('callers.empty')}</Empty>
          ) : (
            <>
              <Table
                name={t('nav.callers')}
                rows={page.items}
                keyOf={(one) => one.id}
                columns={[
                  { title: t('field.name'), cell: (one) => one.name },
                  { title: t('callers.id'), cell: (one) => <Id value={one.id} keep={12} /> },
                  { title: t('nav.routes'), wide: true, cell: (one) => mine(one.id).map((route) => route.prefix).join('、') || <span className="second">{t('callers.no-routes')}</span> },
                  { title: t('callers.key-since'), cell: (one) => <Time ms={one.key_changed_ms} /> },
                  {
                    title: t('callers.on'),
                    cell: (one) => (
                      <Switch
                        size="small"
                        checked={one.enabled}
                        disabled={!may('manage-callers')}
                        aria-label={`${t('callers.on')} ${one.name}`}
                        onChange={(enabled) => {
                          setError(null);
                          void must(client.PUT('/callers/{id}/enabled', { params: { path: { id: one.id } }, body: { enabled } })).then(after, setError);
                        }}
                      />
                    ),
                  },
                  {
                    title: '',
                    cell: (one) => (
                      <span className="row row-acts">
                        <Act needs="manage-callers" size="small" onClick={() => setAsks({ what: 'renew', of: one })}>
                          {t('callers.renew-ask')}
                        </Act>
                        <Act needs="manage-callers" size="small" danger onClick={() => setAsks({ what: 'delete', of: one })}>
                          {t('act.delete-ask')}
                        </Act>
                      </span>
                    ),
                  },
                ]}
              />
              <Pages list={list} total={page.total} size={kSize} />
            </>
          )
        }
      </Loaded>
      <Dialog
        open={asks?.what === 'add'}
        close={() => setAsks(null)}
        title={t('callers.add')}
        act={t('callers.add')}
        ready={name.trim() !== ''}
        run={async () => {
          setMade(await must(client.POST('/callers', { body: { name: name.trim() } })));
          setName('');
          await after();
        }}
      >
        <p>{t('callers.add-text')}</p>
        <label htmlFor="caller-name">{t('field.name')}</label>
        <Input id="caller-name" value={name} maxLength={64} onChange={(event) => setName(event.target.value)} />
      </Dialog>
      <Dialog
        open={asks?.what === 'renew'}
        close={() => setAsks(null)}
        danger
        title={t('callers.renew-title', { name: of?.name ?? '' })}
        act={t('callers.renew')}
        run={async () => {
          setMade(await must(client.POST('/callers/{id}/key', { params: { path: { id: of?.id ?? '' } } })));
          await after();
        }}
      >
        <p>{t('callers.renew-text')}</p>
      </Dialog>
      <Dialog
        open={asks?.what === 'delete'}
        close={() => setAsks(null)}
        danger
        title={t('callers.delete-title', { name: of?.name ?? '' })}
        act={t('act.delete')}
        typed={of?.name ?? ''}
        run={async () => {
          await must(client.DELETE('/callers/{id}', { params: { path: { id: of?.id ?? '' } } }));
          await after();
        }}
      >
        <p>{t('callers.delete-text', { routes: of ? mine(of.id).map((route) => route.prefix).join('、') || '—' : '' })}</p>
      </Dialog>
      <Shown
        open={made !== null}
        close={() => setMade(null)}
        title={t('callers.made', { name: made?.caller.name ?? '' })}
        note={t('account.shown-once')}
        secret={made?.key ?? ''}
        file={() => save(`${made?.caller.name ?? 'caller'}.key`, `${made?.key ?? ''}\n`, 'text/plain')}
      />
    </>
  );
}
