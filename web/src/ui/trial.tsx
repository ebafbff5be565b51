// Trying a model: the request, how it goes, and what came back.
import { Button, Input, InputNumber, Radio, Select } from 'antd';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Act } from './act.tsx';
import { toBase64 } from './bytes.ts';
import { useDraft } from './draft.ts';
import { Empty } from './parts.tsx';
import { TrialAnswer } from './trial-answer.tsx';
import { exampleOf } from './usage-example.ts';

type Input_ = Schemas['TrialInput'];
type Method = Input_['method'];
const kMethods: Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const kBodyMax = 512 * 1024;

interface Draft {
  way: Input_['way'];
  unit: string;
  port: string;
  method: Method;
  path: string;
  headers: string;
  body: string;
  seconds: number;
}
const kNothing: Draft = { way: 'unit', unit: '', port: '', method: 'POST', path: '', headers: 'Content-Type: application/json', body: '', seconds: 30 };

// "Name: value", one a line; the number of the first line that is none.
export function fieldsOf(text: string): { fields: Schemas['TrialHeaderField'][]; wrong: number } {
  const fields: Schemas['TrialHeaderField'][] = [];
  let wrong = 0;
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const found = /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line);
    if (found) fields.push({ name: found[1] ?? '', value: found[2] ?? '' });
    else if (wrong === 0) wrong = at + 1;
  }
  return { fields, wrong };
}

// For a shell: what stands between single quotes stays as it is.
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
export function curlOf(url: string, draft: Pick<Draft, 'method' | 'headers' | 'body'>, open: boolean): string {
  const parts = [draft.method === 'HEAD' ? 'curl -I' : `curl -X ${draft.method}`, quoted(url)];
  if (!open) parts.push("-H 'Authorization: Bearer API-KEY'");
  for (const { name, value } of fieldsOf(draft.headers).fields) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (draft.body !== '') parts.push(`--data-binary ${quoted(draft.body)}`);
  return parts.join(' ');
}

// Of a route, where there is one (its deployment then has the example); else of a deployment.
export function Trial({ route, deployment }: { route?: Schemas['Route']; deployment?: Schemas['Deployment'] }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const first: Draft = { ...kNothing, way: route?.enabled ? 'gateway' : 'unit' };
  const { draft, change, restored, discard } = useDraft<Draft>(`try ${route?.id ?? deployment?.id ?? ''}`, first);
  const [busy, setBusy] = useState<{ since: number; stop: AbortController } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [trial, setTrial] = useState<Schemas['Trial'] | null>(null);
  const system = useLive(['system'], (signal) => must(client.GET('/system', { signal })), { enabled: may('read-system') });
  const example = useExample(deployment);
  const gateway = system.data?.gateway_url ?? '';
  const { fields, wrong } = fieldsOf(draft.headers);
  const hasBody = draft.method !== 'GET' && draft.method !== 'HEAD';
  const body = hasBody ? new TextEncoder().encode(draft.body) : new Uint8Array();
  const tooLarge = body.length > kBodyMax;
  const way = route ? draft.way : 'unit';
  useEffect(() => () => busy?.stop.abort(), [busy]);

  const send = async (event?: FormEvent) => {
    event?.preventDefault();
    if (busy || wrong !== 0 || tooLarge || !may('try-models')) return;
    const stop = new AbortController();
    setBusy({ since: Date.now(), stop });
    setError(null);
    setTrial(null);
    const input: Input_ = { way, method: draft.method, path: encodedPath(draft.path), headers: fields, timeout_seconds: draft.seconds };
    if (body.length > 0) input.body_base64 = toBase64(body);
    if (route) input.route_id = route.id;
    else if (deployment) {
      input.deployment_id = deployment.id;
      if (draft.unit !== '') input.unit = draft.unit;
      if (draft.port !== '') input.port = draft.port;
    }
    try {
      setTrial(await must(client.POST('/trials', { signal: stop.signal, body: input })));
    } catch (failure) {
      if (!stop.signal.aborted) setError(failure);
    } finally {
      setBusy(null);
    }
  };

  const ports = [...new Set(deployment?.ports.map((port) => port.port_name) ?? [])];
  const url = route ? `${gateway || 'GATEWAY'}${route.prefix === '/' ? '' : route.prefix}${encodedPath(draft.path)}` : '';
  return (
    <>
      <form
        className="form trial"
        onSubmit={(event) => void send(event)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.nativeEvent.isComposing) void send();
          else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.preventDefault();
        }}
      >
        {route && (
          <>
            <span className="label" id="trial-way">
              {t('try.way')}
            </span>
            <div>
              <Radio.Group
                aria-labelledby="trial-way"
                value={draft.way}
                onChange={(event) => change({ way: event.target.value as Draft['way'] })}
                options={(['gateway', 'unit'] as const).map((value) => ({ value, label: t(`try.way-${value}`) }))}
              />
              <span className="note">{t(`try.way-${draft.way}-note`)}</span>
              {draft.way === 'gateway' && !route.enabled && <span className="wrong">{t('try.route-off')}</span>}
              {draft.way === 'gateway' && system.data?.gateway_url === '' && <span className="wrong">{t('try.no-gateway')}</span>}
            </div>
          </>
        )}
        {!route && deployment && (
          <>
            <label htmlFor="trial-unit">{t('field.unit')}</label>
            <div className="row">
              <Select
                id="trial-unit"
                className="trial-unit"
                value={draft.unit}
                options={[{ value: '', label: t('try.any-unit') }, ...deployment.units.filter((unit) => unit.ports.length > 0).map((unit) => ({ value: unit.name, label: unit.name }))]}
                onChange={(unit) => change({ unit })}
              />
              {ports.length > 1 && (
                <Select
                  aria-label={t('try.port')}
                  style={{ minWidth: 120 }}
                  value={draft.port || (ports[0] ?? '')}
                  options={ports.map((value) => ({ value, label: value }))}
                  onChange={(port) => change({ port })}
                />
              )}
            </div>
          </>
        )}
        <label htmlFor="trial-path">{t('try.request')}</label>
        <div>
          <div className="row trial-line">
            <Select
              aria-label={t('try.method')}
              style={{ width: 104 }}
              value={draft.method}
              options={kMethods.map((value) => ({ value, label: value }))}
              onChange={(method) => change({ method })}
            />
            {route && route.prefix !== '/' && <span className="mono second">{route.prefix}</span>}
            <Input
              id="trial-path"
              className="mono"
              value={draft.path}
              maxLength={2048}
              placeholder="/predict"
              onChange={(event) => change({ path: event.target.value })}
            />
          </div>
          {example && (
            <button type="button" className="plain note" onClick={() => change({ method: example.method as Method, path: example.path, body: example.body })}>
              {t('try.example')}
            </button>
          )}
        </div>
        <label htmlFor="trial-headers">{t('try.headers')}</label>
        <div>
          <Input.TextArea id="trial-headers" className="mono" rows={1} value={draft.headers} onChange={(event) => change({ headers: event.target.value })} />
          {wrong !== 0 ? <span className="wrong">{t('try.headers-wrong', { line: wrong })}</span> : <span className="note">{t('try.headers-note')}</span>}
        </div>
        {hasBody && (
          <>
            <label htmlFor="trial-body">{t('try.body')}</label>
            <div>
              <Input.TextArea id="trial-body" className="mono" rows={4} spellCheck={false} value={draft.body} onChange={(event) => change({ body: event.target.value })} />
              {tooLarge && <span className="wrong">{t('try.too-large')}</span>}
            </div>
          </>
        )}
        <span />
        <div className="row">
          <Act needs="try-models" type="primary" htmlType="submit" disabled={busy !== null || wrong !== 0 || tooLarge}>
            {t('try.send')}
          </Act>
          <kbd>Ctrl Enter</kbd>
          {url !== '' && <CopyCurl text={curlOf(url, { ...draft, body: hasBody ? draft.body : '' }, route?.open ?? false)} />}
          <label className="second" htmlFor="trial-seconds">
            {t('try.patience')}
          </label>
          <InputNumber id="trial-seconds" style={{ width: 72 }} min={1} max={60} precision={0} value={draft.seconds} onChange={(value) => change({ seconds: value ?? 30 })} />
          {restored && (
            <span className="note">
              {t('draft.restored')}{' '}
              <button type="button" className="plain" onClick={discard}>
                {t('draft.discard')}
              </button>
            </span>
          )}
        </div>
      </form>
      <div aria-live="polite">
        {busy && <Waiting since={busy.since} stop={() => busy.stop.abort()} />}
        {error !== null && (
          <div className="failure" role="alert">
            {saidError(error)}
          </div>
        )}
        {!busy && error === null && !trial && <Empty>{t(example ? 'try.empty-example' : 'try.empty')}</Empty>}
        {trial && <TrialAnswer of={trial} />}
      </div>
    </>
  );
}

// What stands on the wire: as it was typed, but for what no request line may hold.
function encodedPath(path: string): string {
  return path.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

function CopyCurl({ text }: { text: string }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  return (
    <Button
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 2000);
        });
      }}
    >
      {t(done ? 'act.copied' : 'act.copy-what', { what: 'curl' })}
    </Button>
  );
}

function Waiting({ since, stop }: { since: number; stop: () => void }) {
  const { t } = useTranslation();
  const [now, setNow] = useState(Date.now());
  const timer = useRef<ReturnType<typeof setInterval>>(undefined);
  useEffect(() => {
    timer.current = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer.current);
  }, []);
  return (
    <div className="row" role="status">
      <span className="state starting">
        <span className="sign" aria-hidden>
          ◔
        </span>
        {t('try.waiting', { seconds: Math.max(0, Math.round((now - since) / 1000)) })}
      </span>
      <Button size="small" onClick={stop}>
        {t('act.cancel')}
      </Button>
    </div>
  );
}

function useExample(deployment: Schemas['Deployment'] | undefined) {
  const asked = useQuery({
    queryKey: ['usage-example', deployment?.version_id],
    enabled: deployment !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: async ({ signal }) =>
      exampleOf(await must(client.GET('/models/{id}/documents/{kind}', { signal, parseAs: 'text', params: { path: { id: deployment?.version_id ?? '', kind: 'usage' } } }))),
  });
  return asked.data ?? null;
}
