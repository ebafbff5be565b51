import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Act } from '../ui/act.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Id, Loaded, PageHead, StateOf, Tabs, Time, save } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';

const kPurposes = ['identity', 'delivery', 'output'] as const;
type Key = Schemas['Key'];

export function KeyTabs() {
  const { t } = useTranslation();
  return (
    <Tabs
      label={t('nav.keys')}
      tabs={[
        { to: '/keys', text: t('keys.pairs'), end: true },
        { to: '/keys/grants', text: t('deployment.grants') },
      ]}
    />
  );
}

export default function Keys() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [rotates, setRotates] = useState<Key['purpose'] | null>(null);
  const [now, setNow] = useState(false);
  const asked = useLive(['keys'], (signal) => must(client.GET('/keys', { signal })));
  return (
    <>
      <PageHead title={t('nav.keys')} lead={t('keys.lead')} />
      <KeyTabs />
      <Loaded of={asked}>
        {(list) => (
          <>
            {kPurposes.map((purpose) => (
              <section key={purpose}>
                <div className="row apart" style={{ marginTop: 24 }}>
                  <div>
                    <h2 style={{ margin: 0 }}>{t(`keys.${purpose}`)}</h2>
                    <p className="second">{t(`keys.${purpose}-text`)}</p>
                  </div>
                  <Act
                    needs="manage-keys"
                    onClick={() => {
                      setNow(false);
                      setRotates(purpose);
                    }}
                  >
                    {t('keys.rotate')}
                  </Act>
                </div>
                <Table
                  name={t(`keys.${purpose}`)}
                  rows={list.items.filter((one) => one.purpose === purpose)}
                  keyOf={(one) => one.id}
                  columns={[
                    { title: t('keys.serial'), align: 'right', cell: (one) => one.serial },
                    { title: t('field.state'), cell: (one) => <StateOf state={one.state} /> },
                    { title: t('keys.id'), cell: (one) => <Id value={one.id} /> },
                    { title: t('keys.fingerprint'), wide: true, cell: (one) => <span className="mono">{one.fingerprint}</span> },
                    { title: t('keys.from'), cell: (one) => <Time ms={one.not_before_ms} absolute /> },
                    { title: t('keys.to'), cell: (one) => (one.destroyed_ms > 0 ? <Time ms={one.destroyed_ms} absolute /> : <Time ms={one.not_after_ms} absolute />) },
                    {
                      title: '',
                      cell: (one) =>
                        one.public_key_pem !== '' && (
                          <button type="button" className="plain" onClick={() => save(`${one.purpose}-${one.serial}.pub.pem`, one.public_key_pem, 'application/x-pem-file')}>
                            {t('keys.export')}
                          </button>
                        ),
                    },
                  ]}
                />
              </section>
            ))}
            <Dialog
              open={rotates !== null}
              close={() => setRotates(null)}
              title={t('keys.rotate-title', { purpose: t(`keys.${rotates ?? 'output'}`) })}
              act={t('keys.rotate')}
              run={async () => {
                await must(client.POST('/keys/rotation', { body: rotates === 'output' ? { purpose: 'output', now } : { purpose: rotates ?? 'output' } }));
                await queries.invalidateQueries({ queryKey: ['keys'] });
              }}
            >
              <p>{t(now ? 'keys.rotate-now-text' : `keys.rotate-${rotates ?? 'output'}`)}</p>
              {rotates === 'output' && (
                <label className="row">
                  <input type="checkbox" checked={now} onChange={(event) => setNow(event.target.checked)} />
                  {t('keys.rotate-now')}
                </label>
              )}
            </Dialog>
          </>
        )}
      </Loaded>
    </>
  );
}
