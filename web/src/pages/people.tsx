import { Checkbox, Input } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useMe } from '../api/session.tsx';
import { Act } from '../ui/act.tsx';
import { type Asks, EntryDialogs, type Secret } from '../ui/entry.tsx';
import { groups } from '../ui/format.ts';
import { Loaded, PageHead, State, Time } from '../ui/parts.tsx';
import { Pages, Table, useList } from '../ui/table.tsx';

const kSize = 50;
const kRoles = ['administrator', 'operator', 'vendor', 'auditor', 'caller'] as const;
type Person = Schemas['Person'];
type PersonInput = Schemas['PersonInput'];

export default function People() {
  const { t } = useTranslation();
  const me = useMe();
  const list = useList();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<Asks<Person, PersonInput> | null>(null);
  const query = { page: list.page, page_size: kSize };
  const asked = useLive(['people', query], (signal) => must(client.GET('/people', { signal, params: { query } })), { keep: true });
  const after = () => queries.invalidateQueries({ queryKey: ['people'] });
  const passwordOf = (made: Schemas['NewPassword']): Secret => ({ title: t('people.made', { name: made.person.name }), note: t('people.shown-once'), value: made.password, file: `${made.person.name}.password` });
  return (
    <>
      <PageHead
        title={t('nav.people')}
        lead={asked.data && t('people.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="manage-people" type="primary" onClick={() => setAsks({ what: 'edit', input: { name: '', display_name: '', roles: ['operator'], vendor_id: '', enabled: true } })}>
            {t('people.add-ask')}
          </Act>
        }
      />
      <Loaded of={asked}>
        {(page) => (
          <>
            <Table
              name={t('nav.people')}
              rows={page.items}
              keyOf={(one) => one.id}
              columns={[
                { title: t('people.display'), cell: (one) => one.display_name || one.name },
                { title: t('people.name'), cell: (one) => <span className="mono">{one.name}</span> },
                { title: t('people.roles'), wide: true, cell: (one) => one.roles.map((role) => t(`role.${role}`)).join(' · ') },
                { title: t('field.vendor'), cell: (one) => one.vendor_id || '—' },
                {
                  title: t('field.state'),
                  cell: (one) =>
                    !one.enabled ? <State kind="gone">{t('people.disabled')}</State> : one.must_change_password ? <State kind="waits">{t('people.first-password')}</State> : <State kind="ready">{t('people.active')}</State>,
                },
                { title: t('people.last'), align: 'right', cell: (one) => <Time ms={one.last_sign_in_ms} /> },
                {
                  title: '',
                  cell: (one) => (
                    <span className="row row-acts">
                      <Act
                        needs="manage-people"
                        size="small"
                        onClick={() => setAsks({ what: 'edit', of: one, input: { name: one.name, display_name: one.display_name, roles: one.roles, vendor_id: one.vendor_id, enabled: one.enabled } })}
                      >
                        {t('act.edit-ask')}
                      </Act>
                      <Act needs="manage-people" size="small" onClick={() => setAsks({ what: 'renew', of: one })}>
                        {t('people.password-ask')}
                      </Act>
                      {one.id !== me.id && (
                        <Act needs="manage-people" size="small" danger onClick={() => setAsks({ what: 'end', of: one })}>
                          {t('act.delete-ask')}
                        </Act>
                      )}
                    </span>
                  ),
                },
              ]}
            />
            <Pages list={list} total={page.total} size={kSize} />
          </>
        )}
      </Loaded>
      <EntryDialogs<Person, PersonInput>
        asks={asks}
        ask={setAsks}
        after={after}
        edit={{
          words: (added, input) => ({ title: t(added ? 'people.add' : 'people.edit', { name: input.name }), act: t(added ? 'people.add' : 'act.save') }),
          complete: (input) => /^[a-z0-9._@-]{1,64}$/.test(input.name) && input.roles.length > 0 && (!input.roles.includes('vendor') || Boolean(input.vendor_id)),
          fields: (input, change, added) => <Fields input={input} change={change} added={added} />,
          add: async (input) => passwordOf(await must(client.POST('/people', { body: input }))),
          save: (on, input) => must(client.PUT('/people/{id}', { params: { path: { id: on.now.id } }, body: input })),
        }}
        renew={{
          words: (of) => ({ title: t('people.password-title', { name: of.name }), act: t('people.password'), text: t('people.password-text') }),
          run: async (of) => passwordOf(await must(client.POST('/people/{id}/password', { params: { path: { id: of.id } } }))),
        }}
        end={{
          words: (of) => ({ title: t('people.delete-title', { name: of.name }), text: t('people.delete-text') }),
          typed: (of) => of.name,
          run: (of) => must(client.DELETE('/people/{id}', { params: { path: { id: of.id } } })),
        }}
      />
    </>
  );
}

function Fields({ input, change, added }: { input: PersonInput; change: (changes: Partial<PersonInput>) => void; added: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      {added && (
        <>
          <label htmlFor="person-name">{t('people.name')}</label>
          <Input id="person-name" value={input.name} maxLength={64} onChange={(event) => change({ name: event.target.value.toLowerCase() })} />
          <div className="note">{t('people.name-rule')}</div>
        </>
      )}
      <label htmlFor="person-display">{t('people.display')}</label>
      <Input id="person-display" value={input.display_name ?? ''} maxLength={200} onChange={(event) => change({ display_name: event.target.value })} />
      <fieldset style={{ border: 0, padding: 0, margin: '12px 0 0' }}>
        <legend className="second">{t('people.roles')}</legend>
        {kRoles.map((role) => (
          <div key={role}>
            <Checkbox
              checked={input.roles.includes(role)}
              onChange={(event) => change({ roles: event.target.checked ? [...input.roles, role] : input.roles.filter((one) => one !== role) })}
            >
              {t(`role.${role}`)} <span className="note">{t(`role.${role}-may`)}</span>
            </Checkbox>
          </div>
        ))}
      </fieldset>
      {input.roles.includes('vendor') && (
        <>
          <label htmlFor="person-vendor">{t('people.of-vendor')}</label>
          <Input id="person-vendor" value={input.vendor_id ?? ''} maxLength={63} onChange={(event) => change({ vendor_id: event.target.value })} />
        </>
      )}
      {!added && (
        <div style={{ marginTop: 12 }}>
          <Checkbox checked={!input.enabled} onChange={(event) => change({ enabled: !event.target.checked })}>
            {t('people.disable')}
          </Checkbox>
        </div>
      )}
    </>
  );
}
