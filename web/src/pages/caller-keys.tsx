// The keys of one caller: several at once, so that an application changes from one to the next in its own time.
import { Button, Input, Select } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must, seen } from '../api/client.ts';
import { saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { ChangeDialog } from '../ui/dialog.tsx';
import type { Secret } from '../ui/entry.tsx';
import { moment } from '../ui/format.ts';
import { State, Time } from '../ui/parts.tsx';
import type { Field } from '../ui/rests.ts';
import { Sheet } from '../ui/sheet.tsx';
import { Table } from '../ui/table.tsx';

type Caller = Schemas['Caller'];
type Key = Schemas['CallerKey'];
const kDay = 24 * 3600_000;
const kDays = [0, 7, 30, 90, 365] as const;
const kSoon = 14 * kDay;

// When a key ends; soon is said as such.
export function Ends({ of }: { of: Key }) {
  const { t } = useTranslation();
  if (of.expires_ms === 0) return <span className="second">{t('callers.no-end')}</span>;
  if (of.expires_ms - Date.now() < kSoon)
    return (
      <State kind="degraded">
        <Time ms={of.expires_ms} absolute />
      </State>
    );
  return <Time ms={of.expires_ms} absolute />;
}

export function CallerKeys({ of, close, made }: { of: Caller; close: () => void; made: (secret: Secret) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [days, setDays] = useState<number>(90);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [ends, setEnds] = useState<Key | null>(null);
  const path = { id: of.id };
  const after = () => queries.invalidateQueries({ queryKey: ['callers'] });
  const fields: Field<Caller>[] = [
    { label: t('callers.on'), of: (one) => t(one.enabled ? 'collision.yes' : 'collision.no') },
    { label: t('callers.keys'), of: (one) => one.keys.map((key) => key.name).join('、') },
  ];
  const add = async () => {
    if (busy || name.trim() === '') return;
    setBusy(true);
    setError(null);
    try {
      const answer = await must(client.POST('/callers/{id}/keys', { params: { path, header: seen(of) }, body: { name: name.trim(), lifetime_ms: days * kDay } }));
      made({ title: t('callers.key-made', { name: of.name, key: name.trim() }), note: t('account.shown-once'), value: answer.key, file: `${of.name}-${name.trim()}.key` });
      setName('');
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
      await after();
    }
  };
  return (
    <Sheet open close={close} title={t('callers.keys-of', { name: of.name })}>
      <Table
        name={t('callers.keys-of', { name: of.name })}
        rows={of.keys}
        keyOf={(one) => one.id}
        columns={[
          { title: t('field.name'), cell: (one) => one.name },
          { title: t('field.created'), cell: (one) => <Time ms={one.created_ms} /> },
          { title: t('callers.ends'), cell: (one) => <Ends of={one} /> },
          {
            title: '',
            cell: (one) => (
              <Act needs="manage-callers" size="small" danger onClick={() => setEnds(one)}>
                {t('callers.end-ask')}
              </Act>
            ),
          },
        ]}
      />
      <form
        className="modal-form"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <label htmlFor="key-name">{t('callers.key-name')}</label>
        <Input id="key-name" value={name} maxLength={64} autoComplete="off" onChange={(event) => setName(event.target.value)} />
        <label htmlFor="key-days">{t('callers.ends')}</label>
        <Select id="key-days" style={{ width: '100%' }} value={days} options={kDays.map((value) => ({ value, label: value === 0 ? t('callers.no-end') : moment(Date.now() + value * kDay).slice(0, 10) }))} onChange={(value) => setDays(value)} />
        <p className="note">{t('callers.keys-text')}</p>
        {error !== null && (
          <div className="failure" role="alert">
            {saidError(error)}
          </div>
        )}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={close}>{t('act.close')}</Button>
          <Act needs="manage-callers" type="primary" htmlType="submit" disabled={busy || name.trim() === ''}>
            {t(busy ? 'act.doing' : 'callers.add-key')}
          </Act>
        </div>
      </form>
      <ChangeDialog
        open={ends !== null}
        close={() => setEnds(null)}
        danger
        of={of}
        fields={fields}
        title={t('callers.end-title', { name: of.name, key: ends?.name ?? '' })}
        act={t('callers.end')}
        typed={ends?.name ?? ''}
        run={async ({ now }) => {
          await must(client.DELETE('/callers/{id}/keys/{key}', { params: { path: { id: of.id, key: ends?.id ?? '' }, header: seen(now) } }));
          await after();
        }}
      >
        <p>{t('callers.end-text')}</p>
      </ChangeDialog>
    </Sheet>
  );
}
