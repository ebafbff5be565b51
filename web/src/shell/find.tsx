// Ctrl-K: one field that finds pages and, by the platform's own search, things of any kind.
import { Input } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { client, must } from '../api/client.ts';
import { useMe, useSession } from '../api/session.tsx';
import { type Found, kindKey, pageOf } from '../ui/found.ts';
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
const kOfKind = 8;

// What stands in a line: what it is called, and beside it what tells it from others.
function shownAs({ kind, id, name, detail, within }: Found): { text: string; more: string } {
  switch (kind) {
    case 'version':
      return { text: name.replace('@', ' '), more: detail };
    case 'deployment':
      return { text: name, more: `${within} · ${detail}` };
    case 'vendor':
    case 'person':
      return { text: name, more: kind === 'vendor' ? id : detail };
    case 'port':
      return { text: id, more: [within, name, detail].filter(Boolean).join(' · ') };
    case 'audit':
    case 'request':
      return { text: id, more: [name, within].filter((one, at, all) => one && all.indexOf(one) === at).join(' · ') };
    case 'route':
    case 'batch':
      return { text: name || id, more: detail };
    default:
      return { text: name || id, more: name === id ? '' : id };
  }
}

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
      const signal = abort.signal;
      void must(client.GET('/search', { signal, params: { query: { text: wanted, limit: kOfKind } } })).then(
        (answer) => !signal.aborted && setFound(answer.items.map((one) => ({ group: kindKey[one.kind], ...shownAs(one), to: pageOf(one, may) }))),
        () => !signal.aborted && setFound([]),
      );
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
