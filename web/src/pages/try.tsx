import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Loaded, PageHead, State } from '../ui/parts.tsx';
import { Trial } from '../ui/trial.tsx';

// 试一试, of a route; a deployment has it as a tab of its own.
export default function Try() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const asked = useLive(['route', id], (signal) => must(client.GET('/routes/{id}', { signal, params: { path: { id } } })));
  const route = asked.data;
  const deployment = useLive(
    ['deployment', route?.deployment_id],
    (signal) => must(client.GET('/deployments/{id}', { signal, params: { path: { id: route?.deployment_id ?? '' } } })),
    { enabled: route !== undefined },
  );
  return (
    <>
      <PageHead
        title={t('try.title-of', { name: route?.prefix ?? id })}
        crumbs={[{ to: '/routes', text: t('nav.routes') }]}
        state={route && !route.enabled && <State kind="gone">{t('my.off')}</State>}
        lead={
          route && (
            <>
              {route.name} · <Link to={`/deployments/${route.deployment_id}`}>{deployment.data?.name ?? route.deployment_id}</Link> · {t('try.lead')}
            </>
          )
        }
      />
      <Loaded of={asked}>{(one) => <Trial key={one.id} route={one} {...(deployment.data ? { deployment: deployment.data } : {})} />}</Loaded>
    </>
  );
}
