// A vendor's telephone number that was changed: who changed it, from what, and the administrator's word that it is right.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client, must, seen } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { Act } from '../ui/act.tsx';
import { ChangeDialog } from '../ui/dialog.tsx';
import { Time } from '../ui/parts.tsx';
import type { Vendor } from './vendors.tsx';

export function Telephone({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { may } = useSession();
  const [asks, setAsks] = useState(false);
  const known = of.known_telephone || t('confirm.no-telephone');
  const changed = of.telephone || t('confirm.no-telephone');
  return (
    <section className="why waits" style={{ marginTop: 16 }}>
      <h2>{t('telephone.title')}</h2>
      <p>
        {t('telephone.changed', { name: of.telephone_by, before: known, after: changed })} <Time ms={of.telephone_ms} absolute />
      </p>
      <p className="second">{t(may('confirm-vendor-keys') ? (of.known_telephone ? 'telephone.ask-there' : 'telephone.ask-otherwise') : 'telephone.administrator-confirms')}</p>
      {may('manage-vendors') && (
        <Act needs="confirm-vendor-keys" onClick={() => setAsks(true)}>
          {t('telephone.confirm-ask')}
        </Act>
      )}
      <ChangeDialog
        open={asks}
        close={() => setAsks(false)}
        title={t('telephone.confirm-title', { name: of.name })}
        act={t('telephone.confirm')}
        {...(of.telephone ? { typed: of.telephone } : {})}
        of={of}
        fields={[{ label: t('vendor.telephone'), of: (one: Vendor) => one.telephone }]}
        run={async (on) => {
          await must(client.POST('/vendors/{id}/telephone/confirmation', { params: { path: { id: of.id }, header: seen(on.now) }, body: { telephone: on.now.telephone } }));
          await queries.invalidateQueries();
        }}
      >
        <p>{t('telephone.confirm-text')}</p>
      </ChangeDialog>
    </section>
  );
}
