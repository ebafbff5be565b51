// Ctrl-K: one field that finds pages, versions, deployments, batches, routes, vendors and the holder of a port.
import { Input } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { client, must } from '../api/client.ts';
import { useMe, useSession } from '../api/session.tsx';
import { moment } from '../ui/format.ts';
import { Sheet } from '../ui/sheet.tsx';
import { placesFor } from './navigation.ts';

export function FindButton({ open }: { open: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="find">
      <button type="button" className="find-button" onClick={open}>
        <span className="hidden">{t('find.title')}</span>
        <span className="wide">{t('find.hint')}</span>
        <kbd>Ctrl K</kbd>
      </button>
    </div>
  );
}

interface Hit {
  group: string;
  text: string;
  more: string;
  to: string;
}
const kOfGroup = 8;
const kBatches = 50; // the newest, that are looked through

export function Find({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const { may } = useSession();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [found, setFound] = useState<Hit[]>([]);
  const [at, setAt] = useState(0);

  const wanted = text.trim();
  const pages: Hit[] = placesFor(me)
    .flatMap((group) => group.places)
    .map((place) => ({ group: 'find.pages', text: t(place.key), more: '', to: place.to }))
    .filter((hit) => wanted === '' || hit.text.toLowerCase().includes(wanted.toLowerCase()));

  useEffect(() => {
    if (wanted === '') {
      setFound([]);
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const query = { text: wanted, page_size: kOfGroup };
      const signal = abort.signal;
      const asks: Promise<Hit[]>[] = [];
      if (may('read-models'))
        asks.push(
          must(client.GET('/models', { signal, params: { query } })).then((page) =>
            page.items.map((one) => ({ group: 'nav.models', text: `${one.vendor_id}/${one.name} ${one.version}`, more: one.function, to: `/models/${one.vendor_id}/${one.name}/${one.version}` })),
          ),
        );
      if (may('read-deployments'))
        asks.push(
          must(client.GET('/deployments', { signal, params: { query } })).then((page) =>
            page.items.map((one) => ({ group: 'nav.deployments', text: one.name, more: `${one.cluster} · ${one.model} ${one.version}`, to: `/deployments/${one.id}` })),
          ),
        );
      if (may('read-callers'))
        asks.push(
          must(client.GET('/routes', { signal, params: { query } })).then((page) =>
            page.items.map((one) => ({ group: 'nav.routes', text: one.prefix, more: one.name, to: `/routes?text=${encodeURIComponent(one.prefix)}` })),
          ),
        );
      if (may('read-vendors'))
        asks.push(
          must(client.GET('/vendors', { signal, params: { query } })).then((page) =>
            page.items.map((one) => ({ group: 'nav.vendors', text: one.name, more: one.id, to: `/vendors/${one.id}` })),
          ),
        );
      // Batches have no names: they are found by their numbers and by who began them.
      if (may('read-deployments') && wanted.length >= 2)
        asks.push(
          must(client.GET('/batches', { signal, params: { query: { page_size: kBatches } } })).then((page) =>
            page.items
              .filter((one) => one.id.includes(wanted) || one.created_by.includes(wanted))
              .slice(0, kOfGroup)
              .map((one) => ({ group: 'nav.batches', text: one.id, more: `${one.created_by} · ${moment(one.created_ms).slice(0, 16)}`, to: `/batches/${one.id}` })),
          ),
        );
      if (may('read-ports') && /^\d{4,5}$/.test(wanted))
        asks.push(Promise.resolve([{ group: 'nav.ports', text: wanted, more: '', to: `/ports?port=${wanted}` }]));
      void Promise.allSettled(asks).then((answers) => {
        if (!signal.aborted) setFound(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])));
      });
    }, 150);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [wanted, may]);

  const hits = [...found, ...pages];
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    void navigate(hit.to);
  };
  return (
    <Sheet open close={close} title={t('find.title')} bare>
      <Input
        autoFocus
        role="combobox"
        aria-expanded
        aria-controls="found"
        aria-activedescendant={hits[at] ? `found-${at}` : undefined}
        aria-label={t('find.title')}
        placeholder={t('find.hint')}
        value={text}
        maxLength={200}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing || event.keyCode === 229) return;
          if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            event.preventDefault();
            const step = event.key === 'ArrowDown' ? 1 : hits.length - 1;
            if (hits.length > 0) setAt((at + step) % hits.length);
          } else if (event.key === 'Enter') {
            go(hits[at]);
          }
        }}
      />
      <ul id="found" role="listbox" aria-label={t('find.title')} className="found">
        {hits.map((hit, index) => (
          <li key={`${hit.to}${hit.text}`} id={`found-${index}`} role="option" aria-selected={index === at} onClick={() => go(hit)} onMouseMove={() => setAt(index)}>
            <span>
              {hit.text} <span className="second">{hit.more}</span>
            </span>
            <span className="note">{t(hit.group)}</span>
          </li>
        ))}
        {hits.length === 0 && <li className="second">{t('find.none')}</li>}
      </ul>
    </Sheet>
  );
}
