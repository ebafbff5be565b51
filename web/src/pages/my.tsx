import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Copy, Empty, Loaded, PageHead, State } from '../ui/parts.tsx';

// 我的接入: which addresses there are, and how one is called.
export default function My() {
  const { t } = useTranslation();
  const asked = useLive(['routes', 'mine'], (signal) => must(client.GET('/routes', { signal, params: { query: { page_size: 200 } } })));
  return (
    <>
      <PageHead title={t('nav.my')} lead={t('my.lead')} />
      <Loaded of={asked}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>{t('my.empty')}</Empty>
          ) : (
            page.items.map((one) => {
              const curl = `curl ${one.open ? '' : "-H 'Authorization: Bearer API-KEY' "}GATEWAY${one.prefix}/v2/health/ready`;
              return (
                <section key={one.id}>
                  <h2 className="mono">{one.prefix}</h2>
                  <p>
                    {one.name} <State kind={one.enabled ? 'ready' : 'gone'}>{t(one.enabled ? 'my.on' : 'my.off')}</State>
                  </p>
                  <pre tabIndex={0}>{curl}</pre>
                  <Copy text={curl} what="curl" />
                </section>
              );
            })
          )
        }
      </Loaded>
    </>
  );
}
