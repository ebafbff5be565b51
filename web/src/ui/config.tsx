// A deployment config: its nine fields in words, or the very bytes that were signed.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { configOf } from './config-fields.ts';
import { Copy, Facts, Loaded } from './parts.tsx';

export function useConfig(sm3: string | undefined) {
  return useQuery({
    queryKey: ['config', sm3],
    enabled: Boolean(sm3),
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => must(client.GET('/configs/{sm3}', { signal, params: { path: { sm3: sm3 ?? '' } }, parseAs: 'text' })),
  });
}

export default function Config({ sm3, yaml }: { sm3: string; yaml?: boolean }) {
  const { t } = useTranslation();
  const asked = useConfig(sm3);
  return (
    <Loaded of={asked}>
      {(text) => {
        const config = configOf(text);
        const none = <span className="second">{t('config.none')}</span>;
        const list = (items: string[]) =>
          items.length === 0 ? none : items.map((item) => <div key={item} className="mono">{item}</div>);
        const facts: [string, ReactNode][] = [
          [t('config.model'), config.model],
          [t('config.image'), config.image === '' ? <span className="second">{t('config.image-own')}</span> : <span className="mono">{config.image}</span>],
          [t('config.pull'), config.pull],
          [t('config.replicas'), config.replicas],
          [t('config.ports'), list(config.ports.map((port) => `${port.name} ${port.containerPort}`))],
          [t('config.command'), list(config.command.length > 0 ? [config.command.join(' ')] : [])],
          [t('config.env'), list(config.env.map((one) => `${one.name}=${one.value}`))],
          [t('config.resources'), list([...config.requests.map(([name, value]) => `${name} ≥ ${value}`), ...config.limits.map(([name, value]) => `${name} ≤ ${value}`)])],
          [t('config.volumes'), list(config.volumes.map((one) => one.text))],
        ];
        return (
          <>
            <Facts of={facts} />
            {yaml && (
              <>
                <h2>
                  YAML <Copy text={text} />
                </h2>
                <p className="note">
                  {t('config.signed')} SM3 {sm3}
                </p>
                <pre tabIndex={0}>{text}</pre>
              </>
            )}
          </>
        );
      }}
    </Loaded>
  );
}
