import { useQuery } from '@tanstack/react-query';
import { Button, Dropdown } from 'antd';
import { Component, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, NavLink, Outlet, ScrollRestoration, useLocation, useNavigate } from 'react-router';
import { client, must } from '../api/client.ts';
import { useConnection } from '../api/connection.ts';
import { useEvents, useLive } from '../api/live.ts';
import { useMe, useSession } from '../api/session.tsx';
import { Broken } from '../ui/broken.tsx';
import { moment } from '../ui/format.ts';
import { typing } from '../ui/keys.ts';
import { Bones } from '../ui/parts.tsx';
import { Choices } from './choices.tsx';
import { Find, FindButton } from './find.tsx';
import { Help } from './help.tsx';
import { placesFor } from './navigation.ts';
import { Mark, SignInAbove } from './signin.tsx';

class Boundary extends Component<{ children: ReactNode; said: (error: Error) => ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    return this.state.error ? this.props.said(this.state.error) : this.props.children;
  }
}

const kOldSeconds = 60; // what is shown is older than that: it turns grey

// A dot at 3 s, a line at 10 s: with the time of what is shown, and without a message that pops up.
function useAway(): { dot: boolean; line: boolean; live: boolean; heardMs: number; seconds: number } {
  const { heardMs, missedMs, live } = useConnection();
  const [now, setNow] = useState(Date.now());
  const away = missedMs !== 0;
  useEffect(() => {
    if (!away) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [away]);
  const seconds = away ? Math.max(0, Math.round((now - heardMs) / 1000)) : 0;
  return { dot: away && seconds >= 3, line: away && seconds >= 10, live, heardMs, seconds };
}

function Waiting() {
  const { may } = useSession();
  const { data } = useLive(
    ['models', 'waiting'],
    (signal) => must(client.GET('/models', { signal, params: { query: { state: 'submitted', page_size: 1 } } })),
    { enabled: may('decide-versions') },
  );
  return data && data.total > 0 ? <span className="count">{data.total}</span> : null;
}

export function Shell() {
  const { t } = useTranslation();
  const me = useMe();
  const { signOut } = useSession();
  const navigate = useNavigate();
  const location = useLocation();
  const away = useAway();
  useEvents();
  const [open, setOpen] = useState(false);
  const [finding, setFinding] = useState(false);
  const [helping, setHelping] = useState(false);
  const main = useRef<HTMLElement>(null);
  const { data: version } = useQuery({ queryKey: ['version'], queryFn: () => must(client.GET('/system/version')), staleTime: Number.POSITIVE_INFINITY });

  useEffect(() => setOpen(false), [location.pathname]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.isComposing || event.keyCode === 229) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setFinding(true);
      } else if (event.key === '?' && !typing(event.target) && !document.querySelector('dialog[open]')) {
        event.preventDefault();
        setHelping(true);
      } else if (event.key === '/' && !typing(event.target)) {
        const filter = document.querySelector<HTMLInputElement>('input[data-filter]');
        if (filter) {
          event.preventDefault();
          filter.focus();
        }
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);

  return (
    <div className={open ? 'shell open' : 'shell'}>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t('shell.skip')}
      </a>
      <header className="top">
        <Button className="menu-button" type="text" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t('shell.menu')}
        </Button>
        <Link className="brand" to="/">
          <Mark />
          {t('brand')}
        </Link>
        <FindButton open={() => setFinding(true)} />
        <div className="right">
          <span className={away.dot || !away.live ? 'live away' : 'live'} role="status">
            <i aria-hidden />
            <span className="wide">{away.dot ? t('shell.away') : away.live ? t('shell.live') : t('shell.slow')}</span>
          </span>
          <span className="wide">
            <Choices />
          </span>
          <Dropdown
            trigger={['click']}
            menu={{
              items: [
                { key: 'account', label: t('nav.account') },
                { key: 'help', label: <span className="row apart">{t('help.title')} <kbd>?</kbd></span> },
                { key: 'out', label: t('act.sign-out') },
              ],
              onClick: ({ key }) => (key === 'account' ? void navigate('/account') : key === 'help' ? setHelping(true) : void signOut()),
            }}
          >
            <Button type="text">{me.display_name || me.name} ▾</Button>
          </Dropdown>
        </div>
      </header>
      <nav className="side" aria-label={t('shell.menu')}>
        {placesFor(me).map((group) => (
          <div key={group.key}>
            {group.key !== '' && <h3>{t(group.key)}</h3>}
            <ul>
              {group.places.map((place) => (
                <li key={place.to}>
                  <NavLink to={place.to}>
                    <span>{t(place.key)}</span>
                    {place.to === '/models' && <Waiting />}
                  </NavLink>
                </li>
              ))}
            </ul>
          </div>
        ))}
        {version && (
          <p className="note" style={{ margin: '24px 16px 0' }}>
            {version.name} · {version.version}
          </p>
        )}
      </nav>
      <div style={{ minWidth: 0 }}>
        {away.line && (
          <div className="lost" role="alert">
            {t('shell.lost', { seconds: away.seconds, time: moment(away.heardMs).slice(11, 16) })}
          </div>
        )}
        <main id="main" className={away.seconds >= kOldSeconds ? 'main stale' : 'main'} ref={main} tabIndex={-1}>
          <Boundary key={location.pathname} said={(error) => <Broken error={error} />}>
            <Suspense fallback={<Bones />}>
              <Outlet />
            </Suspense>
          </Boundary>
        </main>
      </div>
      {finding && <Find close={() => setFinding(false)} />}
      {helping && <Help close={() => setHelping(false)} />}
      <SignInAbove />
      <ScrollRestoration />
    </div>
  );
}
