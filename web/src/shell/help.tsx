// `?`: what the page one is on is for, and the keys that do something.
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { matchPath, useLocation } from 'react-router';
import { Sheet } from '../ui/sheet.tsx';

// The first pattern that fits decides. Keys of the page itself: what is pressed, and what it does.
const kPages: { path: string; said: string; keys?: [string, string][] }[] = [
  { path: '/overview', said: 'overview' },
  { path: '/models', said: 'models' },
  { path: '/library/*', said: 'library' },
  { path: '/models/*', said: 'version' },
  { path: '/submit', said: 'submit' },
  { path: '/vendors', said: 'vendors' },
  { path: '/vendors/:id/key', said: 'vendor-key' },
  { path: '/vendors/:id', said: 'vendor' },
  { path: '/deploy', said: 'deploy', keys: [['Ctrl Enter', 'deploy']] },
  { path: '/deployments', said: 'deployments' },
  { path: '/deployments/:id/try', said: 'try', keys: [['Ctrl Enter', 'send']] },
  { path: '/deployments/*', said: 'deployment' },
  { path: '/batches', said: 'batches' },
  { path: '/batches/new', said: 'batch-new', keys: [['Ctrl Enter', 'plan']] },
  { path: '/batches/:id', said: 'batch', keys: [['F', 'failed'], ['X', 'take-out']] },
  { path: '/ports', said: 'ports', keys: [['← ↑ → ↓', 'ports-move'], ['Shift ← →', 'ports-select'], ['R', 'ports-reserve']] },
  { path: '/routes', said: 'routes' },
  { path: '/routes/:id/try', said: 'try', keys: [['Ctrl Enter', 'send']] },
  { path: '/callers', said: 'callers' },
  { path: '/my', said: 'my' },
  { path: '/keys', said: 'keys' },
  { path: '/keys/grants', said: 'grants' },
  { path: '/card', said: 'card' },
  { path: '/audit', said: 'audit' },
  { path: '/clusters', said: 'clusters' },
  { path: '/gateways', said: 'gateways' },
  { path: '/people', said: 'people' },
  { path: '/settings', said: 'settings' },
  { path: '/account', said: 'account' },
];
const kEverywhere: [string, string][] = [
  ['Ctrl K', 'find'],
  ['/', 'filter'],
  ['?', 'help'],
  ['Tab', 'tab'],
  ['Esc', 'close'],
];

export function Help({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const here = kPages.find((one) => matchPath(one.path, pathname));
  return (
    <Sheet open close={close} title={t('help.title')}>
      {here && <p>{t(`help.page-${here.said}`)}</p>}
      {here?.keys && <Keys title={t('help.here')} of={here.keys} />}
      <Keys title={t('help.everywhere')} of={kEverywhere} />
      <div className="row" style={{ justifyContent: 'flex-end', marginTop: 16 }}>
        <Button onClick={close}>{t('act.close')}</Button>
      </div>
    </Sheet>
  );
}

function Keys({ title, of }: { title: string; of: [string, string][] }) {
  const { t } = useTranslation();
  return (
    <>
      <h3>{title}</h3>
      <dl className="facts">
        {of.map(([key, does]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              {key.split(' ').map((one) => (
                <kbd key={one} style={{ marginRight: 4 }}>
                  {one}
                </kbd>
              ))}
            </dt>
            <dd>{t(`help.key-${does}`)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
