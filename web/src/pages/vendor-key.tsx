// Made for a telephone call: the fingerprint is typed as it is read out, and is not to be seen here.
import { Button } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useMe } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { groupsOf } from '../ui/fingerprint.tsx';
import { Empty, Loaded, PageHead, State, Time } from '../ui/parts.tsx';
import { Telephone } from './vendor-telephone.tsx';
import { Proposed } from './vendor.tsx';
import type { Vendor } from './vendors.tsx';

const kGroups = 16;

export default function VendorKey() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const asked = useLive(['vendor', id], (signal) => must(client.GET('/vendors/{id}', { signal, params: { path: { id } } })));
  return (
    <>
      <PageHead
        title={t('confirm.title')}
        crumbs={[
          { to: '/vendors', text: t('nav.vendors') },
          { to: `/vendors/${id}`, text: asked.data?.name ?? id },
        ]}
      />
      <Loaded of={asked}>{(one) => <Waiting of={one} />}</Loaded>
    </>
  );
}

function Waiting({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  if (of.pending_fingerprint === '') return <Empty>{t('confirm.none')}</Empty>;
  return (
    <>
      <Proposed of={of} />
      {/* Whoever changed the number would answer the call: there is none to make yet. */}
      {of.telephone_waits ? <Telephone of={of} /> : <Call of={of} />}
    </>
  );
}

// A number that an administrator has vouched for since a key was confirmed last is called by another one.
function Vouched({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  const me = useMe();
  if (of.known_by === '') return null;
  return (
    <section className="why degraded">
      <h2>{t('confirm.new-number')}</h2>
      <p>{of.known_by === me.name ? t('confirm.vouched-yourself') : t('confirm.vouched-by', { name: of.known_by })}</p>
    </section>
  );
}

function Call({ of }: { of: Vendor }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState<string[]>(() => Array.from({ length: kGroups }, () => ''));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [refusing, setRefusing] = useState(false);
  const boxes = useRef<(HTMLInputElement | null)[]>([]);
  const right = groupsOf(of.pending_fingerprint);
  const stateOf = (at: number) => ((typed[at]?.length ?? 0) < 4 ? '' : typed[at] === right[at] ? 'right' : 'wrong');
  const all = typed.every((_, at) => stateOf(at) === 'right');
  const firstWrong = typed.findIndex((_, at) => stateOf(at) === 'wrong');

  const put = (at: number, text: string) => {
    // Pasting fills all that follow.
    const groups = groupsOf(text);
    const next = [...typed];
    if (groups.length === 0) next[at] = '';
    groups.forEach((group, offset) => {
      if (at + offset < kGroups) next[at + offset] = group;
    });
    setTyped(next);
    if ((next[at]?.length ?? 0) === 4) boxes.current[Math.min(kGroups - 1, at + Math.max(1, groups.length))]?.focus();
  };
  return (
    <form
      style={{ maxWidth: 720 }}
      onSubmit={(event) => {
        event.preventDefault();
        if (!all || busy) return;
        setBusy(true);
        setError(null);
        void must(client.POST('/vendors/{id}/key/confirmation', { params: { path: { id: of.id }, header: seen(of) }, body: { fingerprint: typed.join(' ') } }))
          .then(async () => {
            await queries.invalidateQueries();
            await navigate(`/vendors/${of.id}`);
          })
          .catch((failure: unknown) => {
            setError(failure);
            setBusy(false);
            void queries.invalidateQueries(); // it may have been another key's turn meanwhile
          });
      }}
    >
      <Vouched of={of} />
      <h2>{t('confirm.one')}</h2>
      <p>
        <span className="big">{of.telephone || t('confirm.no-telephone')}</span>
      </p>
      <p className="note">
        {t(of.telephone_ms === of.created_ms ? 'confirm.since-registered' : 'confirm.since-changed', { name: of.telephone_by })} <Time ms={of.telephone_ms} absolute />
      </p>
      <p className="second">{t('confirm.one-text', { name: of.name })}</p>
      <h2>{t('confirm.two')}</h2>
      <p className="second">{t('confirm.two-text')}</p>
      <div className="fingerprint mono">
        {typed.map((value, at) => (
          <label key={`g${at + 1}`} className={`${stateOf(at)}-group`}>
            <span className="hidden">{t('confirm.group', { number: at + 1 })}</span>
            <input
              ref={(box) => {
                boxes.current[at] = box;
              }}
              value={value}
              autoFocus={at === 0}
              autoComplete="off"
              spellCheck={false}
              aria-invalid={stateOf(at) === 'wrong'}
              onChange={(event) => put(at, event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Backspace' && value === '' && at > 0) boxes.current[at - 1]?.focus();
              }}
            />
          </label>
        ))}
      </div>
      <p aria-live="polite">
        {firstWrong >= 0 ? <span className="danger">{t('confirm.wrong', { number: firstWrong + 1 })}</span> : all ? <State kind="ready">{t('confirm.all')}</State> : <span className="note">{t('vendor.how-to-read')}</span>}
      </p>
      {error !== null && (
        <div className="failure" role="alert">
          {saidError(error)}
        </div>
      )}
      <div className="row" style={{ marginTop: 16 }}>
        <Button type="primary" htmlType="submit" disabled={!all || busy}>
          {busy ? t('act.doing') : t('confirm.act')}
        </Button>
        <Act needs="confirm-vendor-keys" danger onClick={() => setRefusing(true)}>
          {t('confirm.not-theirs')}
        </Act>
      </div>
      <Dialog
        open={refusing}
        close={() => setRefusing(false)}
        danger
        title={t('confirm.not-theirs-title', { name: of.name })}
        act={t('confirm.not-theirs-act')}
        run={async () => {
          await must(client.DELETE('/vendors/{id}/key', { params: { path: { id: of.id }, header: seen(of) } }));
          await queries.invalidateQueries();
          await navigate(`/vendors/${of.id}`);
        }}
      >
        <p>{t('confirm.not-theirs-text')}</p>
      </Dialog>
    </form>
  );
}
