// 验收单: what was accepted, on one sheet of A4. It leaves a place for a seal and prints none: a 公章 has legal force.
import { Button } from 'antd';
import { type ReactNode, Suspense, lazy } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { moment } from '../ui/format.ts';
import { Bones, Facts, Loaded } from '../ui/parts.tsx';

const Config = lazy(() => import('../ui/config.tsx'));

export function AcceptanceSheet({ of }: { of: Schemas['ModelVersion'] }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const vendor = useLive(['vendor', of.vendor_id], (signal) => must(client.GET('/vendors/{id}', { signal, params: { path: { id: of.vendor_id } } })));
  const card = useLive(['card', 'fingerprint'], (signal) => must(client.GET('/card/fingerprint', { signal })));
  const audit = useLive(['audit', 'accept', of.id], (signal) => must(client.GET('/audit', { signal, params: { query: { subject: of.id, action: 'accept', page_size: 1 } } })), { enabled: may('read-audit') });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const mono = (value: string) => <span className="mono">{value}</span>;
  const decided: [string, ReactNode][] = [
    [t('sheet.decision'), t(`state.${of.state}`)],
    [t('sheet.by'), of.decided_by],
    [t('field.time'), `${moment(of.decided_ms)} ${zone}`],
    ...(audit.data?.items[0] ? ([[t('sheet.audit'), audit.data.items[0].seq]] as [string, ReactNode][]) : []),
  ];
  return (
    <>
      <div className="row no-print" style={{ marginBottom: 16 }}>
        <Button type="primary" onClick={() => window.print()}>
          {t('sheet.print')}
        </Button>
      </div>
      <article className="acceptance">
        <h1>{t('sheet.title')}</h1>
        <h2>{t('field.vendor')}</h2>
        <Loaded of={vendor} rows={3}>
          {(one) => (
            <Facts
              of={[
                [t('vendor.name'), one.name],
                [t('vendor.address'), one.address || '—'],
                [t('vendor.telephone'), one.telephone || '—'],
                [t('vendor.business'), one.business || '—'],
              ]}
            />
          )}
        </Loaded>
        <h2>{t('version.nine')}</h2>
        <Suspense fallback={<Bones />}>
          <Config sm3={of.config_sm3} />
        </Suspense>
        <h2>{t('sheet.digests')}</h2>
        <Facts
          of={[
            [t('version.package'), mono(of.package_sm3)],
            [t('version.payload'), mono(of.payload_header_sm3)],
            [t('sheet.config'), mono(of.config_sm3)],
            [t('field.image'), mono(of.image_digest)],
            ...of.documents.map((one): [string, ReactNode] => [t(`document.${one.kind}`), mono(one.sm3)]),
            [t('version.signer'), mono(of.signer_fingerprint)],
          ]}
        />
        <h2>{t('sheet.decided')}</h2>
        <Facts of={[...decided, [t('card.fingerprint'), mono(card.data?.fingerprint ?? '')]]} />
        <div className="signatures">
          <div>{t('sheet.signature')}</div>
          <div>{t('sheet.seal-place')}</div>
        </div>
      </article>
    </>
  );
}
