// What came back from a trial, in the order in which it becomes readable: the sealed bytes, their header, the opened answer.
import { Button } from 'antd';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Schemas } from '../api/client.ts';
import { ApiError } from '../api/error.ts';
import { useSession } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { fromBase64, hexDump, textOf } from './bytes.ts';
import { bytes, groups } from './format.ts';
import { Copy, Facts, Id, State, save } from './parts.tsx';

type Trial = Schemas['Trial'];
const kShown = 4096;
const kTextShown = 256 * 1024;

export function TrialAnswer({ of }: { of: Trial }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const byGateway = of.way === 'gateway';
  // It comes below what was typed, often below the screen.
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    section.current?.scrollIntoView({ block: 'nearest' });
  }, [of]);
  return (
    <section className="trial-answer" ref={section} aria-label={t('try.answer')}>
      <Times of={of} />
      {of.refusal && (
        <div className="failure" role="alert">
          <div>
            {t('try.refused')} {saidError(new ApiError(200, 'verification-failed', of.refusal.reason, of.refusal.message))}
          </div>
          <code>{of.refusal.reason}</code>
          {may('read-audit') && <Link to="/audit?action=trial">{t('nav.audit')}</Link>}
        </div>
      )}
      {byGateway && <GatewaysRefusal of={of} />}
      {byGateway ? (
        <>
          <h2>{t('try.opened-by-gateway')}</h2>
          {of.opened && <Opened of={of} opened={of.opened} />}
          <p className="note">{t('try.wire-none')}</p>
        </>
      ) : (
        <div className="panels">
          <section>
            <h2>{t('try.wire')}</h2>
            {of.seal ? <Wire of={of.seal} /> : <p className="second">{t('try.wire-unsealed')}</p>}
          </section>
          <section>
            <h2>{t('try.header')}</h2>
            {of.seal?.header ? <Header of={of} header={of.seal.header} /> : <p className="second">{t('try.header-unsealed')}</p>}
          </section>
          <section>
            <h2>{t('try.opened')}</h2>
            {of.opened ? <Opened of={of} opened={of.opened} /> : <p className="second">{t('try.not-opened')}</p>}
          </section>
        </div>
      )}
    </section>
  );
}

// Milliseconds with what matters of them.
const ms = (us: number) => (us >= 100_000 ? groups(us / 1000) : us >= 1000 ? (us / 1000).toFixed(1) : (us / 1000).toFixed(2));

function Times({ of }: { of: Trial }) {
  const { t } = useTranslation();
  const { connected_us: connected, first_byte_us: firstByte, whole_us: whole, opening_us: opening } = of.times;
  const parts = [
    { key: 'connect', us: connected },
    { key: 'wait', us: firstByte - connected },
    { key: 'receive', us: whole - firstByte },
    ...(of.way === 'unit' ? [{ key: 'open', us: opening }] : []),
  ];
  const all = Math.max(1, whole + opening);
  return (
    <div className="times">
      <div className="row apart">
        <span>
          {t('try.total')} <b className="number">{ms(all)} ms</b>
        </span>
        <span className="second mono">{of.unit ? `${of.unit} · ${of.address}` : of.address}</span>
      </div>
      <div className="times-bar" aria-hidden>
        {parts.map((part) => (
          <i key={part.key} className={part.key} style={{ width: `${(100 * Math.max(0, part.us)) / all}%` }} />
        ))}
      </div>
      <ul>
        {parts.map((part) => (
          <li key={part.key}>
            <i className={part.key} aria-hidden /> {t(`try.time-${part.key}`)} {ms(Math.max(0, part.us))} ms
          </li>
        ))}
      </ul>
    </div>
  );
}

function Wire({ of }: { of: Schemas['TrialSeal'] }) {
  const { t } = useTranslation();
  const stream = useMemo(() => fromBase64(of.stream_base64), [of.stream_base64]);
  return (
    <>
      <p>
        {t(`try.form-${of.form}`)} · {groups(of.size)} B{of.segments >= 0 && <> · {t('try.segments', { count: of.segments })}</>}
      </p>
      <pre className="dump" tabIndex={0} aria-label={t('try.wire')}>
        {hexDump(stream, kShown)}
      </pre>
      <div className="row">
        {stream.length > kShown && <span className="note">{t('try.shown', { size: bytes(kShown) })}</span>}
        <Button size="small" onClick={() => save('answer.mfs', stream, 'application/octet-stream')}>
          {t('try.save')}
        </Button>
        <Copy text={of.stream_base64} what="base64" />
      </div>
    </>
  );
}

function Header({ of, header }: { of: Trial; header: Schemas['TrialHeader'] }) {
  const { t } = useTranslation();
  const context = of.context;
  const proved = of.opened !== null;
  const facts: [string, ReactNode][] = [
    [t('try.h-format'), `MFS ${header.version} · ${header.size} B`],
    [t('try.h-kind'), header.kind === 'response' ? t('try.h-response') : header.kind],
    ...header.recipients.map((one): [string, ReactNode] => [
      t('try.h-recipient'),
      <span key={one.key_id}>
        <Id value={one.key_id} keep={8} /> <State kind={one.ours ? 'ready' : 'failed'}>{t(one.ours ? 'try.h-ours' : 'try.h-not-ours')}</State>
      </span>,
    ]),
    [
      t('try.h-signer'),
      header.is_signed ? (
        <span>
          <Id value={header.signer_key_id} keep={8} /> {of.instance_id && <State kind="ready">{t('try.h-instance', { id: of.instance_id })}</State>}
        </span>
      ) : (
        <State kind="failed">{t('try.h-unsigned')}</State>
      ),
    ],
    [t('try.h-segment'), `${bytes(header.segment_size)} · ${t(header.fixed ? 'try.h-fixed' : 'try.h-flushed')}`],
    [t('try.h-salt'), <Id key="salt" value={header.salt_hex} />],
    [t('try.h-mac'), <Id key="mac" value={header.mac_hex} />],
  ];
  if (context)
    facts.push([
      t('try.h-bound'),
      <div key="bound">
        <State kind={proved ? 'ready' : 'gone'}>{t(proved ? 'try.h-proved' : 'try.h-claimed')}</State>
        <ul className="bound">
          <li>
            {t('try.b-id')} <Id value={context.request_id} />
          </li>
          <li className="mono">
            {context.method} {context.target}
          </li>
          <li>
            {context.body_digest === '' ? t('try.b-no-body') : context.body_digest === 'unbound' ? t('try.b-unbound') : <>{t('try.b-body')} <Id value={context.body_digest} /></>}
          </li>
          <li>
            {context.status} {context.content_type} {context.content_encoding}
          </li>
        </ul>
      </div>,
    ]);
  return <Facts of={facts} />;
}

function Opened({ of, opened }: { of: Trial; opened: Schemas['TrialOpened'] }) {
  const { t } = useTranslation();
  const body = useMemo(() => fromBase64(opened.body_base64), [opened.body_base64]);
  const text = useMemo(() => (opened.content_encoding === '' ? textOf(body) : null), [body, opened.content_encoding]);
  return (
    <>
      <p className="row">
        <State kind={opened.status < 400 ? 'ready' : 'failed'}>{opened.status}</State>
        <span className="second">
          {opened.content_type || t('try.no-type')} · {groups(opened.size)} B
        </span>
      </p>
      {opened.size === 0 ? (
        <p className="second">{t('try.no-body')}</p>
      ) : text === null ? (
        <p className="second">{opened.content_encoding !== '' ? t('try.encoded', { encoding: opened.content_encoding }) : t('try.binary')}</p>
      ) : (
        <pre className="dump text" tabIndex={0} aria-label={t('try.opened')}>
          {text.slice(0, kTextShown)}
        </pre>
      )}
      <div className="row">
        {text !== null && text.length > kTextShown && <span className="note">{t('try.shown', { size: bytes(kTextShown) })}</span>}
        {opened.size > 0 && (
          <Button size="small" onClick={() => save('answer', body, 'application/octet-stream')}>
            {t('try.save')}
          </Button>
        )}
        {text !== null && opened.size > 0 && <Copy text={text} />}
      </div>
      {of.fields.length > 0 && (
        <>
          <h3 className="note">{t('try.fields')}</h3>
          <ul className="bound mono">
            {of.fields.map((field, at) => (
              <li key={`${field.name}${at}`}>
                {field.name}: {field.value}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

const kGatewayReasons = ['unknown-prefix', 'no-caller-key', 'unknown-caller-key', 'caller-not-allowed', 'body-too-large', 'no-endpoint', 'no-table', 'model-unreachable', 'model-timeout', 'answer-refused', 'too-many-calls', 'too-many-calls-at-once', 'call-too-long'];

// A gateway's own refusal (spec/errors.md), in words. A model could answer the same; the words are about what was said.
function GatewaysRefusal({ of }: { of: Trial }) {
  const { t } = useTranslation();
  const reason = useMemo(() => refusalIn(of.opened), [of.opened]);
  if (reason === null) return null;
  return (
    <div className="failure" role="alert">
      <div>{kGatewayReasons.includes(reason) ? t(`try.gateway-${reason}`) : t('try.gateway-other')}</div>
      <code>{reason}</code>
    </div>
  );
}

export function refusalIn(opened: Schemas['TrialOpened'] | null): string | null {
  if (!opened || opened.status < 400 || !opened.content_type.startsWith('application/json')) return null;
  try {
    const said = JSON.parse(textOf(fromBase64(opened.body_base64)) ?? '') as { error?: { reason?: unknown } } | null;
    const reason = said?.error?.reason;
    return typeof reason === 'string' ? reason : null;
  } catch {
    return null;
  }
}
