// One act on many deployments: each is asked for by itself, and what was refused stays picked and says why.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { listed, saidError } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { groups } from '../ui/format.ts';
import { Facts } from '../ui/parts.tsx';
import type { Picked } from '../ui/pick.tsx';

type Deployment = Schemas['Deployment'];
type What = 'restart' | 'stop' | 'delete';
const kAtOnce = 4;
const kNames = 20;

const to = (one: Deployment) => ({ path: { id: one.id }, header: seen(one) });
const kActs: Record<What, (one: Deployment) => Promise<unknown>> = {
  restart: (one) => must(client.POST('/deployments/{id}/restart', { params: to(one) })),
  stop: (one) => must(client.PUT('/deployments/{id}/replicas', { params: to(one), body: { replicas: 0 } })),
  delete: (one) => must(client.DELETE('/deployments/{id}', { params: to(one) })),
};

export function BulkActs({ picked }: { picked: Picked<Deployment> }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<What | null>(null);
  const [done, setDone] = useState(0);
  const [refused, setRefused] = useState<{ name: string; error: unknown }[]>([]);
  const fits: Record<What, (one: Deployment) => boolean> = {
    restart: (one) => one.replicas > 0 && one.state !== 'deleting',
    stop: (one) => one.replicas > 0 && one.state !== 'deleting',
    delete: (one) => one.state !== 'deleting',
  };
  const these = asks ? picked.rows.filter(fits[asks]) : [];
  const { data: usage } = useLive(
    ['usage', 'yesterday'],
    (signal) => must(client.GET('/usage', { signal, params: { query: { from_ms: Date.now() - 24 * 3600_000 } } })),
    { enabled: asks === 'delete' || asks === 'stop' },
  );
  const calls = usage?.items.filter((one) => these.some((other) => other.id === one.deployment_id)).reduce((sum, one) => sum + one.calls, 0) ?? 0;
  const run = async (what: What) => {
    const waiting = [...these];
    const well: Deployment[] = [];
    const ill: { name: string; error: unknown }[] = [];
    setDone(0);
    setRefused([]);
    const worker = async () => {
      for (let one = waiting.shift(); one; one = waiting.shift()) {
        try {
          await kActs[what](one);
          well.push(one);
        } catch (error) {
          ill.push({ name: one.name, error });
        }
        setDone(well.length + ill.length);
      }
    };
    await Promise.all(Array.from({ length: kAtOnce }, worker));
    picked.set(well, false);
    setRefused(ill);
    await queries.invalidateQueries();
  };
  const names = listed(these.slice(0, kNames).map((one) => one.name));
  const only = these.length === 1 ? these[0] : undefined;
  return (
    <>
      {(['restart', 'stop', 'delete'] as const).map((what) => {
        const count = picked.rows.filter(fits[what]).length;
        return (
          <Act key={what} needs="deploy" size="small" danger={what === 'delete'} disabled={count === 0} onClick={() => setAsks(what)}>
            {count === picked.rows.length ? t(`bulk.${what}-ask`) : t('bulk.some', { act: t(`bulk.${what}-ask`), count, all: picked.rows.length })}
          </Act>
        );
      })}
      {refused.length > 0 && (
        <div className="danger" role="alert" style={{ flexBasis: '100%' }}>
          {t('bulk.refused', { count: refused.length })}
          {refused.slice(0, kNames).map((one) => (
            <div key={one.name}>
              {one.name}: {saidError(one.error)}
            </div>
          ))}
        </div>
      )}
      {asks && (
        <Dialog
          open
          close={() => setAsks(null)}
          danger={asks !== 'restart'}
          title={t(`bulk.${asks}-title`, { count: these.length })}
          act={t(`bulk.${asks}`)}
          doing={t('bulk.doing', { done, all: these.length })}
          {...(asks === 'delete' ? { typed: only?.name ?? t('bulk.delete-typed', { count: these.length }) } : {})}
          run={() => run(asks)}
        >
          <p>{t(`bulk.${asks}-text`)}</p>
          <Facts
            of={[
              [t('nav.deployments'), these.length > kNames ? t('batch.and-more', { names, count: these.length - kNames }) : names],
              [t('bulk.units'), groups(these.reduce((sum, one) => sum + one.units.length, 0))],
              ...(asks === 'restart'
                ? []
                : ([
                    [t('nav.routes'), groups(these.reduce((sum, one) => sum + one.route_ids.length, 0))],
                    [t('bulk.calls'), groups(calls)],
                  ] as [string, string][])),
            ]}
          />
        </Dialog>
      )}
    </>
  );
}
