// The small parts that every page is made of.
import { Button, Tooltip } from 'antd';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, NavLink } from 'react-router';
import { saidError } from '../i18n/said.ts';
import { ago, middle, moment } from './format.ts';

export type Kind = 'ready' | 'starting' | 'degraded' | 'failed' | 'waits' | 'gone';
const kSigns: Record<Kind, string> = { ready: '●', starting: '◔', degraded: '◐', failed: '■', waits: '◇', gone: '⊘' };

export const kindOf: Record<string, Kind> = {
  ready: 'ready',
  fine: 'ready',
  accepted: 'ready',
  'in-force': 'ready',
  enrolled: 'ready',
  done: 'ready',
  starting: 'starting',
  working: 'starting',
  pending: 'starting',
  waiting: 'starting',
  updating: 'starting',
  deleting: 'starting',
  stopping: 'starting',
  degraded: 'degraded',
  warning: 'degraded',
  unknown: 'degraded',
  failed: 'failed',
  away: 'failed',
  missing: 'failed',
  submitted: 'waits',
  invited: 'waits',
  future: 'waits',
  refused: 'gone',
  withdrawn: 'gone',
  revoked: 'gone',
  retired: 'gone',
  destroyed: 'gone',
  stopped: 'gone',
  cancelled: 'gone',
  'rolled-back': 'gone',
};

export function State({ kind, children }: { kind: Kind; children: ReactNode }) {
  return (
    <span className={`state ${kind}`}>
      <span className="sign" aria-hidden>
        {kSigns[kind]}
      </span>
      <span>{children}</span>
    </span>
  );
}

export function StateOf({ state, more }: { state: string; more?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <State kind={kindOf[state] ?? 'gone'}>
      {t(`state.${state}`)}
      {more !== undefined && <> {more}</>}
    </State>
  );
}

export function Time({ ms, absolute }: { ms: number; absolute?: boolean }) {
  const { t } = useTranslation();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  if (ms === 0) return <span className="second">{t('time.never')}</span>;
  const since = ago(ms, Math.max(now, Date.now() - 15_000));
  const full = moment(ms);
  const shown =
    absolute || since.unit === 'absolute'
      ? full.slice(0, absolute ? 19 : 16)
      : since.unit === 'now'
        ? t('time.now')
        : t(ms > now + 5000 ? `time.in-${since.unit}` : `time.${since.unit}`, { count: since.count });
  return (
    <time className="nowrap" dateTime={new Date(ms).toISOString()} title={full}>
      {shown}
    </time>
  );
}

export function Copy({ text, what }: { text: string; what?: string }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  const label = done ? t('act.copied') : what ? t('act.copy-what', { what }) : t('act.copy');
  return (
    <Tooltip title={label}>
      <button
        type="button"
        className="copy"
        aria-label={label}
        onClick={() => {
          void navigator.clipboard.writeText(text).then(() => {
            setDone(true);
            setTimeout(() => setDone(false), 2000);
          });
        }}
      >
        <svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.3" aria-hidden>
          {done ? <path d="M3 8.5l3.2 3L13 4.5" /> : <path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" />}
        </svg>
      </button>
    </Tooltip>
  );
}

export function Id({ value, keep = 8 }: { value: string; keep?: number }) {
  if (value === '') return <span className="second">—</span>;
  return (
    <span className="nowrap">
      <span className="mono" title={value}>
        {middle(value, keep)}
      </span>
      <Copy text={value} />
    </span>
  );
}

// Of which row a button is, for who does not see the row.
export function Of({ children }: { children: ReactNode }) {
  return <span className="hidden"> {children}</span>;
}

export interface Crumb {
  to: string;
  text: string;
}
export function PageHead({ title, crumbs, lead, state, acts }: { title: string; crumbs?: Crumb[]; lead?: ReactNode; state?: ReactNode; acts?: ReactNode }) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t('brand')}`;
  }, [title, t]);
  return (
    <>
      {crumbs && (
        <nav className="crumbs" aria-label={t('shell.crumbs')}>
          {crumbs.map((crumb, at) => (
            <span key={crumb.to}>
              {at > 0 && ' / '}
              <Link to={crumb.to}>{crumb.text}</Link>
            </span>
          ))}
        </nav>
      )}
      <div className="head">
        <div>
          <div className="title">
            <h1>{title}</h1>
            {state}
          </div>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {acts && <div className="acts">{acts}</div>}
      </div>
    </>
  );
}

export interface Tab {
  to: string;
  text: string;
  end?: boolean;
}
export function Tabs({ tabs, label }: { tabs: Tab[]; label: string }) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <NavLink key={tab.to} to={tab.to} end={tab.end ?? false} replace>
          {tab.text}
        </NavLink>
      ))}
    </nav>
  );
}

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="failure" role="alert">
      <div>{saidError(error)}</div>
      {again && (
        <Button size="small" onClick={again}>
          {t('act.again')}
        </Button>
      )}
    </div>
  );
}

// Bones after 300 ms, so that what comes at once does not flicker; after 5 s it says that it still waits.
export function Bones({ rows = 6 }: { rows?: number }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<'not' | 'bones' | 'slow'>('not');
  useEffect(() => {
    const bones = setTimeout(() => setShown('bones'), 300);
    const slow = setTimeout(() => setShown('slow'), 5000);
    return () => {
      clearTimeout(bones);
      clearTimeout(slow);
    };
  }, []);
  if (shown === 'not') return <div aria-busy />;
  return (
    <div aria-busy role="status">
      <span className={shown === 'slow' ? 'second' : 'hidden'}>{shown === 'slow' ? t('wait.still') : t('wait.loading')}</span>
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} className="bone" style={{ width: `${92 - ((at * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ children, act }: { children: ReactNode; act?: ReactNode }) {
  return (
    <div className="empty">
      <p>{children}</p>
      {act}
    </div>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: Error | null;
  refetch: () => unknown;
}
// The three states of what is asked for: not yet, failed, there. What is there stays while a later answer fails: the
// line above the page says that.
export function Loaded<T>({ of, children, rows }: { of: Asked<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Failure error={of.error} again={() => void of.refetch()} />;
  return <Bones {...(rows === undefined ? {} : { rows })} />;
}

export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of.map(([term, value]) => (
        <div key={term} style={{ display: 'contents' }}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// Saves bytes that the page has under a name; a link of the browser's own does the rest.
export function save(name: string, content: BlobPart, type: string) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
