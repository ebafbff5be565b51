import { Button } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Schemas, client, consoleHeader, errorOf, must } from '../api/client.ts';
import { ApiError } from '../api/error.ts';
import { useLive } from '../api/live.ts';
import { useMe } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { bytes, duration } from '../ui/format.ts';
import { type PackageSays, readPackage } from '../ui/package.ts';
import { Copy, Empty, Loaded, PageHead, State, StateOf, Time } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { addressOf } from './models.tsx';
import { KeyState } from './vendors.tsx';

const kPiece = 8 << 20;
const kTries = 5;

interface Item {
  key: string; // of the file: name, size, time
  name: string;
  size: number;
  file: File | null; // none after the page was opened again: the same file has to be chosen
  says: PackageSays | null;
  state: 'ready' | 'sending' | 'paused' | 'verifying' | 'done' | 'failed';
  sent: number;
  perMs: number; // bytes
  error: unknown;
  version: Schemas['ModelVersion'] | null;
}

// What is under way on the platform, so that a closed page can go on: the file's key and the upload's id.
const keptKey = (person: string) => `mifeng.uploads ${person}`;
interface Kept {
  [key: string]: { id: string; name: string; size: number };
}
function readKept(person: string): Kept {
  try {
    return JSON.parse(localStorage.getItem(keptKey(person)) ?? '{}') as Kept;
  } catch {
    return {};
  }
}
function keep(person: string, change: (kept: Kept) => void) {
  const kept = readKept(person);
  change(kept);
  localStorage.setItem(keptKey(person), JSON.stringify(kept));
}

const keyOf = (file: File) => `${file.name} ${file.size} ${file.lastModified}`;

async function sendPiece(id: string, offset: number, piece: Blob, signal: AbortSignal): Promise<number> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/uploads/${id}?offset=${offset}`, {
      method: 'PATCH',
      body: piece,
      signal,
      headers: { 'Content-Type': 'application/octet-stream', ...consoleHeader(), 'Mifeng-Console': 'work' },
    });
  } catch (failure) {
    if (signal.aborted) throw failure;
    throw new ApiError(0, 'unavailable', 'no-answer', 'The platform does not answer.');
  }
  const body: unknown = await response.json();
  if (!response.ok) throw errorOf(response.status, body);
  return (body as Schemas['Upload']).received;
}

export default function Submit() {
  const { t } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const [items, setItems] = useState<Item[]>(() =>
    Object.entries(readKept(me.id)).map(([key, one]) => ({ key, name: one.name, size: one.size, file: null, says: null, state: 'paused', sent: 0, perMs: 0, error: null, version: null })),
  );
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const aborts = useRef(new Map<string, AbortController>());
  const put = useCallback((key: string, change: Partial<Item>) => setItems((former) => former.map((one) => (one.key === key ? { ...one, ...change } : one))), []);

  // How far what was left has come.
  useEffect(() => {
    for (const [key, one] of Object.entries(readKept(me.id)))
      must(client.GET('/uploads/{id}', { params: { path: { id: one.id } } })).then(
        (upload) => put(key, { sent: upload.received }),
        () => {
          keep(me.id, (kept) => delete kept[key]);
          setItems((former) => former.filter((item) => item.key !== key || item.file !== null));
        },
      );
  }, [me.id, put]);
  // A page that is left in the middle asks first.
  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent) => {
      if (aborts.current.size > 0) event.preventDefault();
    };
    window.addEventListener('beforeunload', leaving);
    return () => window.removeEventListener('beforeunload', leaving);
  }, []);

  const add = async (files: Iterable<File>) => {
    for (const file of files) {
      const key = keyOf(file);
      const says = await readPackage(file);
      setItems((former) => {
        const fresh: Item = { key, name: file.name, size: file.size, file, says, state: 'ready', sent: 0, perMs: 0, error: null, version: null };
        const left = former.find((one) => one.key === key);
        if (left) return former.map((one) => (one.key === key ? { ...one, file, says, state: one.state === 'done' ? 'done' : 'ready' } : one));
        return [...former, fresh];
      });
    }
  };

  const send = async (item: Item) => {
    if (!item.file || aborts.current.has(item.key)) return;
    const abort = new AbortController();
    aborts.current.set(item.key, abort);
    put(item.key, { state: 'sending', error: null });
    try {
      let id = readKept(me.id)[item.key]?.id;
      let sent = 0;
      if (id !== undefined) {
        const known = await client.GET('/uploads/{id}', { params: { path: { id } } });
        if (known.data) sent = known.data.received;
        else id = undefined;
      }
      if (id === undefined) {
        id = (await must(client.POST('/uploads', { body: { size: item.size } }))).id;
        const made = id;
        keep(me.id, (kept) => (kept[item.key] = { id: made, name: item.name, size: item.size }));
      }
      const began = performance.now();
      const first = sent;
      let tries = 0;
      while (sent < item.size) {
        try {
          sent = await sendPiece(id, sent, item.file.slice(sent, sent + kPiece), abort.signal);
          tries = 0;
        } catch (failure) {
          // A broken line is tried again from where the platform says it is; a refusal is not.
          if (abort.signal.aborted || !(failure instanceof ApiError) || (failure.status !== 0 && failure.reason !== 'wrong-offset') || ++tries >= kTries) throw failure;
          await new Promise((resolve) => setTimeout(resolve, 1000 * tries));
          sent = (await must(client.GET('/uploads/{id}', { params: { path: { id } } }))).received;
        }
        put(item.key, { sent, perMs: (sent - first) / Math.max(1, performance.now() - began) });
      }
      put(item.key, { state: 'verifying' });
      const done = await must(client.POST('/uploads/{id}/submission', { params: { path: { id } } }));
      keep(me.id, (kept) => delete kept[item.key]);
      put(item.key, { state: 'done', version: done.version });
      await queries.invalidateQueries({ queryKey: ['models'] });
    } catch (failure) {
      if (abort.signal.aborted) put(item.key, { state: 'paused' });
      else {
        if (failure instanceof ApiError && failure.status === 422) keep(me.id, (kept) => delete kept[item.key]);
        put(item.key, { state: 'failed', error: failure });
      }
    } finally {
      aborts.current.delete(item.key);
    }
  };
  const cancel = async (item: Item) => {
    aborts.current.get(item.key)?.abort();
    const id = readKept(me.id)[item.key]?.id;
    keep(me.id, (kept) => delete kept[item.key]);
    setItems((former) => former.filter((one) => one.key !== item.key));
    if (id !== undefined) await client.DELETE('/uploads/{id}', { params: { path: { id } } });
  };

  const ready = items.filter((one) => one.state === 'ready');
  const command = `mifeng pack MODEL --for mifeng-card.json --sign vendor.pem`;
  return (
    <>
      <PageHead title={t('nav.submit')} lead={<Where />} />
      <h2>{t('submit.one')}</h2>
      <pre tabIndex={0}>
        {command} <Copy text={command} />
      </pre>
      <p className="note">
        <Link to="/card">{t('submit.card')}</Link>
      </p>
      <h2>{t('submit.two')}</h2>
      <div
        className={over ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void add(event.dataTransfer.files);
        }}
      >
        {t('submit.drop')} <Button onClick={() => input.current?.click()}>{t('submit.choose')}</Button>
        <input
          ref={input}
          type="file"
          accept=".mfpkg"
          multiple
          hidden
          aria-label={t('submit.choose')}
          onChange={(event) => {
            if (event.target.files) void add([...event.target.files]);
            event.target.value = '';
          }}
        />
        {ready.length > 0 && (
          <Button type="primary" style={{ marginLeft: 'auto' }} onClick={() => ready.forEach((one) => void send(one))}>
            {t('submit.send', { count: ready.length })}
          </Button>
        )}
      </div>
      {items.map((item) => (
        <Sent key={item.key} of={item} send={() => void send(item)} pause={() => aborts.current.get(item.key)?.abort()} cancel={() => void cancel(item)} choose={() => input.current?.click()} />
      ))}
      <h2>{t('submit.three')}</h2>
      <Results />
    </>
  );
}

// The vendor's own key, and whether it is in force.
function Where() {
  const { t } = useTranslation();
  const me = useMe();
  const asked = useLive(['vendor', me.vendor_id], (signal) => must(client.GET('/vendors/{id}', { signal, params: { path: { id: me.vendor_id } } })), { enabled: me.vendor_id !== '' });
  return (
    <span className="row" style={{ gap: 16 }}>
      {asked.data && (
        <Link to={`/vendors/${me.vendor_id}`}>
          {t('vendor.key')} <KeyState of={asked.data} />
        </Link>
      )}
      <Link to="/card">{t('nav.card')}</Link>
    </span>
  );
}

function Sent({ of, send, pause, cancel, choose }: { of: Item; send: () => void; pause: () => void; cancel: () => void; choose: () => void }) {
  const { t } = useTranslation();
  const part = of.size === 0 ? 0 : of.sent / of.size;
  const left = of.perMs > 0 ? (of.size - of.sent) / of.perMs : 0;
  return (
    <section className="upload" aria-label={of.name}>
      <div className="row apart">
        <span className="row">
          <b>{of.name}</b> <span className="second number">{bytes(of.size)}</span>
          {of.state === 'done' && <State kind="waits">{t('submit.done')}</State>}
          {of.state === 'failed' && <State kind="failed">{t('submit.failed')}</State>}
          {of.state === 'verifying' && <State kind="starting">{t('submit.verifying')}</State>}
          {of.state === 'paused' && <span className="second">{t('submit.stopped-at', { part: Math.floor(100 * part) })}</span>}
        </span>
        <span className="row">
          {of.state === 'paused' && (of.file ? <Button onClick={send}>{t('submit.go-on')}</Button> : <Button onClick={choose}>{t('submit.same-file')}</Button>)}
          {of.state === 'failed' && of.file && <Button onClick={send}>{t('act.again')}</Button>}
          {of.state === 'sending' && <Button onClick={pause}>{t('submit.pause')}</Button>}
          {of.state !== 'verifying' && <Button onClick={cancel}>{t(of.state === 'done' || of.state === 'failed' ? 'submit.forget' : 'act.cancel')}</Button>}
          {of.version && <Link to={addressOf(of.version)}>{t('submit.look')}</Link>}
        </span>
      </div>
      {of.says && (
        <div className="note">
          {t('submit.says')} {of.says.vendor}/{of.says.name} {of.says.version} · {of.says.language} · {of.says.function}
        </div>
      )}
      {of.file && !of.says && of.state === 'ready' && <div className="wrong">{t('submit.no-package')}</div>}
      {(of.state === 'sending' || of.state === 'paused') && (
        <>
          <div className="bar" role="progressbar" aria-label={of.name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.floor(100 * part)}>
            <div style={{ width: `${100 * part}%` }} />
          </div>
          {of.state === 'sending' && (
            <div className="note number" style={{ textAlign: 'left' }}>
              {Math.floor(100 * part)}% · {bytes(of.sent)} / {bytes(of.size)} {left > 0 && t('submit.left', { time: duration(left) })}
            </div>
          )}
        </>
      )}
      {of.error !== null && <div className="failure" role="alert">{saidError(of.error)}</div>}
    </section>
  );
}

function Results() {
  const { t } = useTranslation();
  const asked = useLive(['models', 'mine'], (signal) => must(client.GET('/models', { signal, params: { query: { page_size: 20 } } })));
  return (
    <Loaded of={asked} rows={3}>
      {(page) =>
        page.items.length === 0 ? (
          <Empty>{t('submit.empty')}</Empty>
        ) : (
          <Table
            name={t('submit.three')}
            rows={page.items}
            keyOf={(one) => one.id}
            columns={[
              { title: t('field.model'), cell: (one) => <Link to={addressOf(one)}>{`${one.name} ${one.version}`}</Link> },
              { title: t('field.state'), cell: (one) => <StateOf state={one.state} /> },
              { title: t('field.reason'), wide: true, cell: (one) => one.state_reason || '—' },
              { title: t('version.decided'), cell: (one) => (one.decided_ms > 0 ? <>{one.decided_by} <Time ms={one.decided_ms} /></> : '—') },
              { title: t('field.submitted'), align: 'right', cell: (one) => <Time ms={one.submitted_ms} /> },
            ]}
          />
        )
      }
    </Loaded>
  );
}
