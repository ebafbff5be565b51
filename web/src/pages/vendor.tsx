import { Input } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';
import { client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useMe, useSession } from '../api/session.tsx';
import { Act } from '../ui/act.tsx';
import { ChangeDialog } from '../ui/dialog.tsx';
import { Fingerprint } from '../ui/fingerprint.tsx';
import { Facts, Loaded, PageHead, Time } from '../ui/parts.tsx';
import { type Field, type On, merged } from '../ui/rests.ts';
import { Telephone } from './vendor-telephone.tsx';
import { type Information, InformationFields, KeyState, type Vendor } from './vendors.tsx';

export default function VendorPage() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const asked = useLive(['vendor', id], (signal) => must(client.GET('/vendors/{id}', { signal, params: { path: { id } } })));
  return (
    <>
      <PageHead
        title={asked.data?.name ?? id}
        crumbs={[{ to: '/vendors', text: t('nav.vendors') }]}
        state={asked.data && <KeyState of={asked.data} />}
        acts={asked.data && <Acts of={asked.data} />}
      />
      <Loaded of={asked}>{(one) => <Content of={one} />}</Loaded>
    </>
  );
}

function Content({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  const me = useMe();
  const { may } = useSession();
  const own = me.vendor_id === of.id;
  return (
    <>
      <h2>{t('vendor.information')}</h2>
      <Facts
        of={[
          [t('vendor.name'), of.name],
          [t('vendor.address'), of.address || '—'],
          [t('vendor.telephone'), of.telephone || '—'],
          [t('vendor.business'), of.business || '—'],
          [t('vendor.id'), <span key="i" className="mono">{of.id}</span>],
          [t('vendor.registered'), <Time key="r" ms={of.created_ms} absolute />],
        ]}
      />
      {of.telephone_waits && <Telephone of={of} />}
      <h2>{t('vendor.key')}</h2>
      {of.pending_fingerprint !== '' && (
        <div className="why waits">
          <h2>{t('vendor.key-waits-title')}</h2>
          <Proposed of={of} />
          {own ? (
            <>
              <p>{t('vendor.read-aloud')}</p>
              <Fingerprint value={of.pending_fingerprint} />
              <p className="note">{t('vendor.how-to-read')}</p>
            </>
          ) : may('confirm-vendor-keys') ? (
            <Link to={`/vendors/${of.id}/key`}>{t('vendor.go-confirm')}</Link>
          ) : (
            <p>{t('vendor.administrator-confirms')}</p>
          )}
        </div>
      )}
      {of.confirmed ? (
        <>
          <p>
            {t('vendor.confirmed-since')} <Time ms={of.confirmed_ms} absolute />
          </p>
          <Fingerprint value={of.fingerprint} />
        </>
      ) : (
        of.pending_fingerprint === '' && <p>{t('vendor.no-key-text')}</p>
      )}
      <h2>{t('nav.models')}</h2>
      <Link to={`/models?vendor=${of.id}`}>{t('vendor.models')}</Link>
    </>
  );
}

export function Proposed({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  return (
    <p className="second">
      {t('vendor.proposed-by', { name: of.pending_by })} <Time ms={of.pending_ms} absolute />
    </p>
  );
}

const informationOf = ({ name, address, telephone, business }: Vendor): Information => ({ name, address, telephone, business });

function Acts({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const me = useMe();
  const { may } = useSession();
  const [asks, setAsks] = useState<'' | 'edit' | 'key' | 'revoke' | 'delete'>('');
  const [information, setInformation] = useState<Information>(() => informationOf(of));
  const [pem, setPem] = useState('');
  const to = (on: On<Vendor>) => ({ path: { id: of.id }, header: seen(on.now) });
  const after = () => queries.invalidateQueries();
  const versions = (mine?: Information): Field<Vendor>[] => [
    ...(['name', 'address', 'telephone', 'business'] as const).map((field) => ({ label: t(`vendor.${field}`), of: (one: Vendor) => one[field], mine: mine?.[field] })),
    { label: t('vendor.key'), of: (one) => one.fingerprint },
    { label: t('vendor.key-waits'), of: (one) => one.pending_fingerprint },
  ];
  const close = () => setAsks('');
  return (
    <>
      {(me.vendor_id === of.id || may('manage-vendors')) && (
        <Act needs="submit" onClick={() => setAsks('key')}>
          {t('vendor.propose-ask')}
        </Act>
      )}
      {(me.vendor_id === of.id || may('manage-vendors')) && (
        <Act
          needs={me.vendor_id === of.id ? 'submit' : 'manage-vendors'}
          onClick={() => {
            setInformation(informationOf(of));
            setAsks('edit');
          }}
        >
          {t('act.edit-ask')}
        </Act>
      )}
      {of.confirmed && may('manage-vendors') && (
        <Act needs="confirm-vendor-keys" danger onClick={() => setAsks('revoke')}>
          {t('vendor.revoke-ask')}
        </Act>
      )}
      {may('manage-vendors') && (
        <Act needs="manage-vendors" danger onClick={() => setAsks('delete')}>
          {t('act.delete-ask')}
        </Act>
      )}
      <ChangeDialog
        open={asks === 'edit'}
        close={close}
        title={t('vendor.information')}
        act={t('act.save')}
        ready={information.name.trim() !== ''}
        of={of}
        fields={versions(information)}
        run={async (on) => {
          await must(client.PUT('/vendors/{id}', { params: to(on), body: merged(informationOf(on.first), informationOf(on.now), information) }));
          await after();
        }}
      >
        <InformationFields value={information} change={setInformation} nameStays={!may('manage-vendors')} />
        {!may('confirm-vendor-keys') && information.telephone !== of.telephone && <p className="note">{t('vendor.telephone-will-wait')}</p>}
      </ChangeDialog>
      <ChangeDialog
        open={asks === 'key'}
        close={close}
        title={t('vendor.propose')}
        act={t('vendor.propose')}
        ready={pem.includes('PUBLIC KEY')}
        of={of}
        fields={versions()}
        run={async (on) => {
          await must(client.PUT('/vendors/{id}/key', { params: to(on), body: { public_key_pem: pem } }));
          setPem('');
          await after();
        }}
      >
        <p>{t('vendor.propose-text')}</p>
        <pre>mifeng key generate --output-file vendor.pem --public vendor.pub.pem</pre>
        <label htmlFor="pem">{t('vendor.public-key')}</label>
        <Input.TextArea id="pem" rows={5} value={pem} maxLength={4096} className="mono" placeholder="-----BEGIN PUBLIC KEY-----" onChange={(event) => setPem(event.target.value)} />
      </ChangeDialog>
      <ChangeDialog
        open={asks === 'revoke'}
        close={close}
        danger
        title={t('vendor.revoke-title', { name: of.name })}
        act={t('vendor.revoke')}
        typed={of.id}
        of={of}
        fields={versions()}
        run={async (on) => {
          await must(client.DELETE('/vendors/{id}/key', { params: to(on) }));
          await after();
        }}
      >
        <p>{t('vendor.revoke-text')}</p>
      </ChangeDialog>
      <ChangeDialog
        open={asks === 'delete'}
        close={close}
        danger
        title={t('vendor.delete-title', { name: of.name })}
        act={t('act.delete')}
        typed={of.id}
        of={of}
        fields={versions()}
        run={async (on) => {
          await must(client.DELETE('/vendors/{id}', { params: to(on) }));
          await navigate('/vendors');
          await after();
        }}
      >
        <p>{t('vendor.delete-text')}</p>
      </ChangeDialog>
    </>
  );
}
