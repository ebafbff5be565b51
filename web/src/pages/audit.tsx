import { Button, Input } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { said, saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Csv } from '../ui/csv.tsx';
import { groups, moment } from '../ui/format.ts';
import { Empty, Loaded, PageHead, State, StateOf, Time, kindOf, save } from '../ui/parts.tsx';
import { Filter, Pages, Table, useList } from '../ui/table.tsx';

const kSize = 50;

// "ok", a state that something went into, or the reason of a refusal.
function Outcome({ of }: { of: string }) {
  const { t } = useTranslation();
  if (of === 'ok') return <State kind="ready">{t('audit.ok')}</State>;
  return kindOf[of] ? <StateOf state={of} /> : <State kind="failed">{of}</State>;
}

// "2026-11-29T09:41" of a field, in the zone of the browser.
const msOf = (text: string) => (text === '' ? undefined : new Date(text).getTime() || undefined);

export default function Audit() {
  const { t } = useTranslation();
  const list = useList();
  const [verdict, setVerdict] = useState<Schemas['AuditVerdict'] | { error: unknown } | 'doing' | null>(null);
  const head = useRef<HTMLInputElement>(null);
  const query = {
    actor: list.get('actor') || undefined,
    action: list.get('action') || undefined,
    subject: list.get('subject') || undefined,
    from_ms: msOf(list.get('from')),
    to_ms: msOf(list.get('to')),
    page: list.page,
    page_size: kSize,
  };
  const asked = useLive(['audit', query], (signal) => must(client.GET('/audit', { signal, params: { query } })), { keep: true });
  const filtered = Boolean(query.actor || query.action || query.subject || query.from_ms || query.to_ms);
  const verify = async (kept?: Record<string, unknown>) => {
    setVerdict('doing');
    try {
      setVerdict(await must(client.POST('/audit/verification', { body: (kept ? { head: kept } : {}) as Schemas['AuditVerification'] })));
    } catch (error) {
      setVerdict({ error });
    }
  };
  return (
    <>
      <PageHead
        title={t('nav.audit')}
        lead={asked.data && t('audit.lead', { count: asked.data.total, number: groups(asked.data.total) })}
        acts={
          <>
            <Act needs="read-audit" onClick={() => void must(client.GET('/audit/head')).then((head) => save('mifeng-audit-head.json', `${JSON.stringify(head)}\n`, 'application/json'))}>
              {t('audit.head')}
            </Act>
            <Button href="/api/v1/audit/export" download="mifeng-audit.jsonl">
              {t('audit.export')}
            </Button>
            <Act needs="read-audit" type="primary" disabled={verdict === 'doing'} onClick={() => void verify()}>
              {t(verdict === 'doing' ? 'audit.verifying' : 'audit.verify')}
            </Act>
          </>
        }
      />
      {verdict !== null && verdict !== 'doing' && (
        <div role="status">
          {'error' in verdict ? (
            <div className="failure">{saidError(verdict.error)}</div>
          ) : (
            <p>
              <State kind={verdict.intact ? 'ready' : 'failed'}>{t(verdict.intact ? 'audit.intact' : 'audit.altered', { entries: groups(verdict.entries), signed: groups(verdict.signed_up_to), seq: verdict.bad_seq })}</State>{' '}
              {verdict.problem && said(verdict.problem)}
            </p>
          )}
        </div>
      )}
      <div className="facets">
        <Filter list={list} name="actor" placeholder={t('audit.actor')} />
        <Filter list={list} name="action" placeholder={t('audit.action')} />
        <Filter list={list} name="subject" placeholder={t('audit.subject')} />
        <span className="row">
          <Input type="datetime-local" aria-label={t('audit.from')} style={{ width: 200 }} value={list.get('from')} onChange={(event) => list.set({ from: event.target.value })} />–
          <Input type="datetime-local" aria-label={t('audit.to')} style={{ width: 200 }} value={list.get('to')} onChange={(event) => list.set({ to: event.target.value })} />
        </span>
        {filtered && (
          <button type="button" className="plain" onClick={() => list.set({ actor: '', action: '', subject: '', from: '', to: '' })}>
            {t('audit.all')}
          </button>
        )}
        <Csv
          name="mifeng-audit"
          head={[t('audit.seq'), t('field.time'), t('audit.actor'), t('audit.action'), t('audit.subject'), t('audit.outcome'), t('audit.detail')]}
          page={(page, page_size) => must(client.GET('/audit', { params: { query: { ...query, page, page_size } } }))}
          row={(one: Schemas['AuditEntry']) => [one.seq, moment(one.time_ms), one.actor, one.action, one.subject, one.outcome, one.detail]}
        />
        <Button onClick={() => head.current?.click()}>
          {t('audit.with-head')}
        </Button>
        <input
          ref={head}
          type="file"
          accept="application/json,.json"
          hidden
          aria-label={t('audit.with-head')}
          onChange={(event) => {
            void event.target.files?.[0]?.text().then((text) => {
              try {
                return verify(JSON.parse(text) as Record<string, unknown>);
              } catch (error) {
                return setVerdict({ error });
              }
            });
            event.target.value = '';
          }}
        />
      </div>
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t('table.none-fit')}</Empty>
          ) : (
            <>
              <Table
                name={t('nav.audit')}
                rows={page.items}
                keyOf={(one) => String(one.seq)}
                columns={[
                  { title: t('audit.seq'), align: 'right', cell: (one) => one.seq },
                  { title: t('field.time'), cell: (one) => <Time ms={one.time_ms} absolute /> },
                  { title: t('audit.actor'), cell: (one) => <button type="button" className="plain left" onClick={() => list.set({ actor: one.actor })}>{one.actor}</button> },
                  { title: t('audit.action'), cell: (one) => <button type="button" className="plain mono" onClick={() => list.set({ action: one.action })}>{one.action}</button> },
                  { title: t('audit.subject'), wide: true, cell: (one) => <button type="button" className="plain mono left" onClick={() => list.set({ subject: one.subject })}>{one.subject}</button> },
                  { title: t('audit.outcome'), cell: (one) => <Outcome of={one.outcome} /> },
                  { title: t('audit.detail'), wide: true, cell: (one) => one.detail },
                ]}
              />
              <Pages list={list} total={page.total} size={kSize} />
              <p className="note">{t('audit.zone', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</p>
            </>
          )
        }
      </Loaded>
    </>
  );
}
