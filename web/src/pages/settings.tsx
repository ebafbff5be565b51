import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Choices } from '../shell/choices.tsx';
import { duration } from '../ui/format.ts';
import { Facts, Loaded, PageHead, State, Time } from '../ui/parts.tsx';

const kClockMs = 30_000;

export default function Settings() {
  const { t } = useTranslation();
  const asked = useLive(['system'], (signal) => must(client.GET('/system', { signal })));
  return (
    <>
      <PageHead title={t('nav.settings')} lead={t('settings.lead')} />
      <Loaded of={asked}>
        {(one) => {
          const off = Math.abs(one.now_ms - asked.dataUpdatedAt);
          return (
            <>
              <Facts
                of={[
                  [t('settings.name'), one.name],
                  [t('settings.version'), one.version],
                  [t('settings.installation'), <span key="i" className="mono">{one.installation || '—'}</span>],
                  [t('settings.registry'), one.registry || '—'],
                  [t('settings.engine'), one.engine || '—'],
                  [t('settings.started'), <Time key="s" ms={one.started_ms} absolute />],
                  [t('settings.memory'), one.memory_locked ? <State kind="ready">{t('settings.locked')}</State> : <State kind="degraded">{t('settings.not-locked')}</State>],
                  [t('settings.certificate'), one.tls_certificate_sm3 ? <span key="c" className="mono">{one.tls_certificate_sm3}</span> : t('settings.no-tls')],
                  [t('settings.clock'), off > kClockMs ? <State kind="degraded">{t('settings.clock-off', { by: duration(off) })}</State> : <Time key="n" ms={one.now_ms} absolute />],
                  [t('settings.zone'), Intl.DateTimeFormat().resolvedOptions().timeZone],
                ]}
              />
              <h2>{t('settings.look')}</h2>
              <div className="row">
                <Choices />
              </div>
            </>
          );
        }}
      </Loaded>
    </>
  );
}
