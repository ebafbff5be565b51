import { Button, Input } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useMe } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Dialog, Shown } from '../ui/dialog.tsx';
import { Empty, Facts, Loaded, PageHead, Time, save } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';

export default function Account() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <>
      <PageHead title={t('nav.account')} lead={me.display_name && me.display_name !== me.name ? `${me.display_name} · ${me.name}` : me.name} />
      <Facts
        of={[
          [t('people.roles'), me.roles.map((role) => t(`role.${role}`)).join(' · ')],
          ...(me.vendor_id ? ([[t('field.vendor'), me.vendor_id]] as [string, string][]) : []),
          [t('people.last'), <Time key="l" ms={me.last_sign_in_ms} absolute />],
        ]}
      />
      <Sessions />
      <Tokens />
      <Password />
    </>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const asked = useLive(['sessions'], (signal) => must(client.GET('/sessions', { signal })));
  const [error, setError] = useState<unknown>(null);
  return (
    <>
      <h2>{t('account.sessions')}</h2>
      {error !== null && <div className="failure" role="alert">{saidError(error)}</div>}
      <Loaded of={asked} rows={2}>
        {(list) => (
          <Table
            name={t('account.sessions')}
            rows={list.items}
            keyOf={(one) => one.id}
            columns={[
              { title: t('account.program'), wide: true, cell: (one) => <>{t(one.browser ? 'account.browser' : 'account.command-line')} <span className="note">{one.agent}</span></> },
              { title: t('account.from'), cell: (one) => <span className="mono">{one.address}</span> },
              { title: t('account.since'), cell: (one) => <Time ms={one.created_ms} /> },
              { title: t('account.used'), cell: (one) => <Time ms={one.last_used_ms} /> },
              { title: t('account.ends'), cell: (one) => <Time ms={one.expires_ms} /> },
              {
                title: '',
                cell: (one) =>
                  one.current ? (
                    <span className="second">{t('account.this')}</span>
                  ) : (
                    <Button
                      size="small"
                      onClick={() => {
                        setError(null);
                        void must(client.DELETE('/sessions/{id}', { params: { path: { id: one.id } } }))
                          .then(() => queries.invalidateQueries({ queryKey: ['sessions'] }))
                          .catch(setError);
                      }}
                    >
                      {t('account.end')}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
    </>
  );
}

function Tokens() {
  const { t } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const asked = useLive(['tokens'], (signal) => must(client.GET('/tokens', { signal })));
  const [making, setMaking] = useState(false);
  const [ends, setEnds] = useState<{ id: string; name: string } | null>(null);
  const [name, setName] = useState('');
  const [made, setMade] = useState<{ name: string; token: string } | null>(null);
  const id = useId();
  return (
    <>
      <div className="row apart" style={{ marginTop: 32 }}>
        <h2 style={{ margin: 0 }}>{t('account.tokens')}</h2>
        <Button onClick={() => setMaking(true)}>{t('account.make-token')}</Button>
      </div>
      <Loaded of={asked} rows={2}>
        {(list) => {
          const mine = list.items.filter((one) => one.person_id === me.id);
          return mine.length === 0 ? (
            <Empty>{t('account.no-tokens')}</Empty>
          ) : (
            <Table
              name={t('account.tokens')}
              rows={mine}
              keyOf={(one) => one.id}
              columns={[
                { title: t('field.name'), cell: (one) => one.name },
                { title: t('people.roles'), cell: (one) => one.roles.map((role) => t(`role.${role}`)).join(' · ') },
                { title: t('field.created'), cell: (one) => <Time ms={one.created_ms} /> },
                { title: t('account.ends'), cell: (one) => <Time ms={one.expires_ms} /> },
                { title: t('account.used'), cell: (one) => <Time ms={one.last_used_ms} /> },
                { title: '', cell: (one) => <Button size="small" danger onClick={() => setEnds(one)}>{t('account.end')}</Button> },
              ]}
            />
          );
        }}
      </Loaded>
      <Dialog
        open={making}
        close={() => setMaking(false)}
        title={t('account.make-token')}
        act={t('account.make')}
        ready={name.trim() !== ''}
        run={async () => {
          const answer = await must(client.POST('/tokens', { body: { name: name.trim(), roles: me.roles, lifetime_ms: 90 * 24 * 3600_000 } }));
          setMade({ name: answer.info.name, token: answer.token });
          setName('');
          await queries.invalidateQueries({ queryKey: ['tokens'] });
        }}
      >
        <p>{t('account.token-text')}</p>
        <label htmlFor={id}>{t('field.name')}</label>
        <Input id={id} value={name} maxLength={64} onChange={(event) => setName(event.target.value)} />
      </Dialog>
      <Dialog
        open={ends !== null}
        close={() => setEnds(null)}
        danger
        title={t('account.end-token', { name: ends?.name ?? '' })}
        act={t('account.end')}
        run={async () => {
          await must(client.DELETE('/tokens/{id}', { params: { path: { id: ends?.id ?? '' } } }));
          await queries.invalidateQueries({ queryKey: ['tokens'] });
        }}
      >
        <p>{t('account.end-token-text')}</p>
      </Dialog>
      <Shown
        open={made !== null}
        close={() => setMade(null)}
        title={t('account.token-made', { name: made?.name ?? '' })}
        note={t('account.shown-once')}
        secret={made?.token ?? ''}
        file={() => save(`mifeng-${made?.name ?? 'token'}.token`, `${made?.token ?? ''}\n`, 'text/plain')}
      />
    </>
  );
}

function Password() {
  const { t } = useTranslation();
  const id = useId();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [said, setSaid] = useState<{ error: unknown } | 'done' | null>(null);
  return (
    <>
      <h2>{t('password.change')}</h2>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          setSaid(null);
          void must(client.PUT('/session/password', { body: { old_password: old, new_password: next } })).then(
            () => {
              setOld('');
              setNext('');
              setSaid('done');
            },
            (error: unknown) => setSaid({ error }),
          );
        }}
      >
        <label htmlFor={`${id}o`}>{t('password.old')}</label>
        <Input.Password id={`${id}o`} autoComplete="current-password" required value={old} onChange={(event) => setOld(event.target.value)} />
        <label htmlFor={`${id}n`}>{t('password.new')}</label>
        <div>
          <Input.Password id={`${id}n`} autoComplete="new-password" required minLength={12} maxLength={256} value={next} onChange={(event) => setNext(event.target.value)} />
          <span className="note">{t('password.rule')}</span>
        </div>
        <div className="whole">
          {said === 'done' && <p role="status">{t('password.done')}</p>}
          {said !== null && said !== 'done' && <div className="failure" role="alert">{saidError(said.error)}</div>}
          <Button htmlType="submit">{t('password.change')}</Button>
        </div>
      </form>
    </>
  );
}
