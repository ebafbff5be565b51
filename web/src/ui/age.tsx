// What is shown of a cluster that does not answer is as it was: grey, with the time of which it is.
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { useSession } from '../api/session.tsx';
import { moment } from './format.ts';

type Cluster = Schemas['Cluster'];

// The clusters whose view is older than a minute, by id.
export function useAged(): ReadonlyMap<string, Cluster> {
  const { may } = useSession();
  const { data } = useLive(['clusters'], (signal) => must(client.GET('/clusters', { signal })), { enabled: may('read-clusters') });
  return new Map((data?.items ?? []).filter((one) => one.stale).map((one) => [one.id, one]));
}

export function Aged({ of, names }: { of: Cluster[]; names?: boolean }) {
  const { t } = useTranslation();
  if (of.length === 0) return null;
  return (
    <div className="aged" role="status">
      {of.map((one) => (
        <div key={one.id}>
          {names && <b>{one.id} </b>}
          {one.seen_ms === 0 ? t('age.never') : t('age.since', { time: clock(one.seen_ms), minutes: Math.max(1, Math.round((Date.now() - one.seen_ms) / 60_000)) })}
        </div>
      ))}
    </div>
  );
}

// The time alone on the same day.
function clock(ms: number): string {
  const [then, now] = [moment(ms), moment(Date.now())];
  return then.slice(0, 10) === now.slice(0, 10) ? then.slice(11, 16) : then.slice(0, 16);
}
