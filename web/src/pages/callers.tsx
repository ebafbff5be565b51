import { Input, Switch } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { type Asks, EntryDialogs, type Secret } from '../ui/entry.tsx';
import { groups, moment } from '../ui/format.ts';
import { Shown } from '../ui/dialog.tsx';
import { Empty, Id, Loaded, PageHead, State, save } from '../ui/parts.tsx';
import type { Field } from '../ui/rests.ts';
import { Pages, Table, useList } from '../ui/table.tsx';
import { CallerKeys, Ends } from './caller-keys.tsx';

const kSize = 50;
type Caller = Schemas['Caller'];

export default function Callers() {
  const { t } = useTranslation();
  const { may } = useSession();
  const list = useList();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<Asks<Caller, { name: string }> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [keysOf, setKeysOf] = useState('');
  const [secret, setSecret] = useState<Secret | null>(null);
  const query = { page: list.page, page_size: kSize };
  const asked = useLive(['callers', query], (signal) => must(client.GET('/callers', { signal, params: { query } })), { keep: true });
  const routes = useLive(['routes', 'all'], (signal) => must(client.GET('/routes', { signal, params: { query: { page_size: 200 } } })));
  const after = () => queries.invalidateQueries({ queryKey: ['callers'] });
  const versions = (): Field<Caller>[] => [
    { label: t('callers.on'), of: (one) => t(one.enabled ? 'collision.yes' : 'collision.no') },
    { label: t('callers.keys'), of: (one) => one.keys.map((key) => `${key.name} ${moment(key.created_ms)}`).join('、') },
  ];
  const mine = (id: string) => routes.data?.items.filter((one) => one.open || one.callers.length === 0 || one.callers.includes(id)) ?? [];
  const keyOf = (made: Schemas['NewCaller']): Secret => ({ title: t('callers.made', { name: made.caller.name }), note: t('account.shown-once'), value: made.key, file: `${made.caller.name}.key` });
  return (
    <>
      <PageHead
        title={t('nav.callers')}
        lead={asked.data && t('callers.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="manage-callers" onClick={() => setAsks({ what: 'edit', input: { name: '' } })}>
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
                  {
                    title: t('callers.keys'),
                    cell: (one) =>
                      one.keys.length === 0 ? (
                        <State kind="gone">{t('callers.no-keys')}</State>
                      ) : (
                        one.keys.map((key) => (
                          <div key={key.id}>
                            {key.name} <span className="note"><Ends of={key} /></span>
                          </div>
                        ))
                      ),
                  },
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
                          void must(client.PUT('/callers/{id}/enabled', { params: { path: { id: one.id }, header: seen(one) }, body: { enabled } }))
                            .catch(setError)
                            .finally(() => void after());
                        }}
                      />
                    ),
                  },
                  {
                    title: '',
                    cell: (one) => (
                      <span className="row row-acts">
                        <Act needs="manage-callers" size="small" onClick={() => setKeysOf(one.id)}>
                          {t('callers.keys-ask')}
                        </Act>
                        <Act needs="manage-callers" size="small" onClick={() => setAsks({ what: 'renew', of: one })}>
                          {t('callers.renew-ask')}
                        </Act>
                        <Act needs="manage-callers" size="small" danger onClick={() => setAsks({ what: 'end', of: one })}>
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
      {asked.data?.items.filter((one) => one.id === keysOf).map((one) => <CallerKeys key={one.id} of={one} close={() => setKeysOf('')} made={setSecret} />)}
      {secret && <Shown open close={() => setSecret(null)} title={secret.title} note={secret.note} secret={secret.value} file={() => save(secret.file, `${secret.value}\n`, 'text/plain')} />}
      <EntryDialogs<Caller, { name: string }>
        asks={asks}
        ask={setAsks}
        after={after}
        versions={versions}
        edit={{
          words: () => ({ title: t('callers.add'), act: t('callers.add') }),
          complete: (input) => input.name.trim() !== '',
          fields: (input, change) => (
            <>
              <p>{t('callers.add-text')}</p>
              <label htmlFor="caller-name">{t('field.name')}</label>
              <Input id="caller-name" value={input.name} maxLength={64} onChange={(event) => change({ name: event.target.value })} />
            </>
          ),
          add: async (input) => keyOf(await must(client.POST('/callers', { body: { name: input.name.trim() } }))),
        }}
        renew={{
          words: (of) => ({ title: t('callers.renew-title', { name: of.name }), act: t('callers.renew'), text: t('callers.renew-text') }),
          run: async (of) => keyOf(await must(client.POST('/callers/{id}/key', { params: { path: { id: of.id }, header: seen(of) } }))),
        }}
        end={{
          words: (of) => ({ title: t('callers.delete-title', { name: of.name }), text: t('callers.delete-text', { routes: mine(of.id).map((route) => route.prefix).join('、') || '—' }) }),
          typed: (of) => of.name,
          run: (of) => must(client.DELETE('/callers/{id}', { params: { path: { id: of.id }, header: seen(of) } })),
        }}
      />
    </>
  );
}
