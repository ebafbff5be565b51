import { Input } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useMe, useSession } from '../api/session.tsx';
import { Act } from '../ui/act.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { Empty, Loaded, PageHead, State, Time } from '../ui/parts.tsx';
import { Filter, Pages, Table, useList } from '../ui/table.tsx';

const kSize = 50;
export type Vendor = Schemas['Vendor'];

export function KeyState({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  if (of.telephone_waits) return <State kind="waits">{t('vendor.telephone-waits')}</State>;
  if (of.pending_fingerprint !== '') return <State kind="waits">{t('vendor.key-waits')}</State>;
  if (of.confirmed) return <State kind="ready">{t('vendor.key-confirmed')}</State>;
  return <State kind="gone">{t('vendor.no-key')}</State>;
}

export interface Information {
  name: string;
  address: string;
  telephone: string;
  business: string;
}
// 开发者信息
export function InformationFields({ value, change, nameStays }: { value: Information; change: (value: Information) => void; nameStays?: boolean }) {
  const { t } = useTranslation();
  const limits = { name: 200, address: 500, telephone: 100, business: 500 } as const;
  return (
    <>
      {(['name', 'address', 'telephone', 'business'] as const).map((field) => (
        <div key={field}>
          <label htmlFor={`vendor-${field}`}>{t(`vendor.${field}`)}</label>
          <Input
            id={`vendor-${field}`}
            value={value[field]}
            maxLength={limits[field]}
            required={field === 'name'}
            readOnly={field === 'name' && nameStays === true}
            onChange={(event) => change({ ...value, [field]: event.target.value })}
          />
          {field === 'name' && nameStays && <div className="note">{t('vendor.name-stays')}</div>}
        </div>
      ))}
    </>
  );
}

export default function Vendors() {
  const { t } = useTranslation();
  const me = useMe();
  const { may } = useSession();
  const list = useList();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [id, setId] = useState('');
  const [information, setInformation] = useState<Information>({ name: '', address: '', telephone: '', business: '' });
  const query = { text: list.get('text') || undefined, page: list.page, page_size: kSize };
  const asked = useLive(['vendors', query], (signal) => must(client.GET('/vendors', { signal, params: { query } })), { keep: true });
  if (me.vendor_id !== '' && !may('manage-vendors') && !may('read-audit')) return <Navigate to={`/vendors/${me.vendor_id}`} replace />;
  return (
    <>
      <PageHead
        title={t('nav.vendors')}
        lead={asked.data && t('vendors.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <Act needs="manage-vendors" onClick={() => setAdding(true)}>
            {t('vendors.add-ask')}
          </Act>
        }
      />
      <div className="facets">
        <Filter list={list} placeholder={t('vendors.filter')} />
      </div>
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t(query.text ? 'table.none-fit' : 'vendors.empty')}</Empty>
          ) : (
            <>
              <Table
                name={t('nav.vendors')}
                rows={page.items}
                keyOf={(one) => one.id}
                columns={[
                  { title: t('vendor.name'), cell: (one) => <Link to={`/vendors/${one.id}`}>{one.name}</Link> },
                  { title: t('vendor.id'), cell: (one) => <span className="mono">{one.id}</span> },
                  { title: t('vendor.key'), cell: (one) => <KeyState of={one} /> },
                  { title: t('vendor.telephone'), cell: (one) => one.telephone || '—' },
                  { title: t('vendor.business'), wide: true, cell: (one) => one.business || '—' },
                  { title: t('vendor.registered'), align: 'right', cell: (one) => <Time ms={one.created_ms} /> },
                ]}
              />
              <Pages list={list} total={page.total} size={kSize} />
            </>
          )
        }
      </Loaded>
      <Dialog
        open={adding}
        close={() => setAdding(false)}
        title={t('vendors.add')}
        act={t('vendors.add')}
        ready={id !== '' && information.name.trim() !== ''}
        run={async () => {
          await must(client.POST('/vendors', { body: { id, ...information } }));
          await queries.invalidateQueries({ queryKey: ['vendors'] });
        }}
      >
        <label htmlFor="vendor-id">{t('vendor.id')}</label>
        <Input id="vendor-id" value={id} maxLength={63} onChange={(event) => setId(event.target.value.toLowerCase())} />
        <div className="note">{t('vendor.id-rule')}</div>
        <InformationFields value={information} change={setInformation} />
      </Dialog>
    </>
  );
}
