import { Checkbox, Input } from 'antd';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Schemas, client, must, seen } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { said } from '../i18n/said.ts';
import { Act } from '../ui/act.tsx';
import { Aged } from '../ui/age.tsx';
import { ChangeDialog, Dialog } from '../ui/dialog.tsx';
import { bytes, groups } from '../ui/format.ts';
import { Facts, Failure, Loaded, PageHead, StateOf } from '../ui/parts.tsx';
import { type Field, merged } from '../ui/rests.ts';
import { Table } from '../ui/table.tsx';

type Cluster = Schemas['Cluster'];

export default function Clusters() {
  const { t } = useTranslation();
  const [adding, setAdding] = useState(false);
  const asked = useLive(['clusters'], (signal) => must(client.GET('/clusters', { signal })));
  return (
    <>
      <PageHead
        title={t('nav.clusters')}
        lead={t('clusters.lead')}
        acts={
          <Act needs="manage-clusters" onClick={() => setAdding(true)}>
            {t('clusters.add-ask')}
          </Act>
        }
      />
      <Loaded of={asked}>{(list) => list.items.map((one) => <One key={one.id} of={one} />)}</Loaded>
      {adding && <Add close={() => setAdding(false)} />}
    </>
  );
}

type Wanted = Pick<Cluster, 'name' | 'node_addresses'>;
const inputOf = ({ name, node_addresses }: Cluster): Wanted => ({ name, node_addresses });

function One({ of }: { of: Cluster }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [checking, setChecking] = useState(false);
  const [asks, setAsks] = useState<'' | 'edit' | 'remove' | 'sweep'>('');
  const [name, setName] = useState(of.name);
  const [nodes, setNodes] = useState(of.node_addresses.join('\n'));
  const detail = useLive(['cluster', of.id], (signal) => must(client.GET('/clusters/{id}', { signal, params: { path: { id: of.id } } })));
  const check = useQuery({
    queryKey: ['cluster', of.id, 'check'],
    enabled: checking && of.kind === 'kubernetes',
    queryFn: ({ signal }) => must(client.GET('/clusters/{id}/check', { signal, params: { path: { id: of.id } } })),
  });
  const path = { path: { id: of.id } };
  const rehearsal = useMutation({ mutationFn: () => must(client.POST('/clusters/{id}/rehearsal', { params: path })) });
  const mine: Wanted = { name: name.trim(), node_addresses: nodes.split(/\s+/).filter(Boolean) };
  const versions = (wanted?: Wanted): Field<Cluster>[] => [
    { label: t('field.name'), of: (one) => one.name, mine: wanted?.name },
    { label: t('clusters.nodes'), of: (one) => one.node_addresses.join(', '), mine: wanted?.node_addresses.join(', ') },
    { label: t('clusters.registry'), of: (one) => one.registry },
  ];
  const after = () => queries.invalidateQueries();
  const capacity = detail.data?.capacity;
  const amount = (free: string, all: string) => t('clusters.free-of', { free, all });
  return (
    <section style={{ marginTop: 24 }}>
      <div className="row apart">
        <div className="row" style={{ gap: 12 }}>
          <h2 style={{ margin: 0 }}>{of.id}</h2>
          <span className="second">{of.name !== of.id && of.name}</span>
          <StateOf state={of.state} />
        </div>
        <div className="row">
          {of.kind === 'kubernetes' && <Act needs="read-clusters" onClick={() => setChecking(true)}>{t('clusters.check')}</Act>}
          {of.kind === 'kubernetes' && (
            <Act needs="manage-clusters" loading={rehearsal.isPending} title={t('clusters.rehearse-note')} onClick={() => rehearsal.mutate()}>
              {t('clusters.rehearse')}
            </Act>
          )}
          {of.sweep_held && <Act needs="manage-clusters" onClick={() => setAsks('sweep')}>{t('clusters.sweep-ask')}</Act>}
          <Act
            needs="manage-clusters"
            onClick={() => {
              setName(of.name);
              setNodes(of.node_addresses.join('\n'));
              setAsks('edit');
            }}
          >
            {t('act.edit-ask')}
          </Act>
          {of.kind === 'kubernetes' && <Act needs="manage-clusters" danger onClick={() => setAsks('remove')}>{t('clusters.remove-ask')}</Act>}
        </div>
      </div>
      {of.reason !== '' && <div className={of.state === 'away' ? 'why' : 'why degraded'}>{said(of.reason)}</div>}
      {of.stale && <Aged of={[of]} />}
      <div className={of.stale ? 'stale' : undefined}>
      <Facts
        of={[
          [t('clusters.kind'), of.version || of.kind],
          [t('nav.deployments'), groups(of.deployments)],
          ...(capacity
            ? ([
                ['CPU', amount(String(Math.round(capacity.cpu_millis.free / 100) / 10), String(Math.round(capacity.cpu_millis.all / 100) / 10))],
                [t('clusters.memory'), amount(bytes(capacity.memory_bytes.free), bytes(capacity.memory_bytes.all))],
                ...Object.entries(capacity.accelerators).map(([name_, one]) => [name_, amount(String(one.free), String(one.all))]),
              ] as [string, string][])
            : []),
          [t('clusters.nodes'), <span key="n" className="mono">{of.node_addresses.join(', ') || '—'}</span>],
          ...(of.default_namespace ? ([[t('clusters.namespace'), of.default_namespace]] as [string, string][]) : []),
          ...(of.registry ? ([[t('clusters.registry'), of.registry]] as [string, string][]) : []),
          [t('nav.ports'), <Link key="p" to={`/ports?cluster=${of.id}`}>{t('clusters.show-ports')}</Link>],
        ]}
      />
      </div>
      {checking && (
        <Loaded of={check} rows={3}>
          {(found) => <Findings name={t('clusters.check')} of={found.items} />}
        </Loaded>
      )}
      {rehearsal.isPending && (
        <p className="note" role="status">
          {t('clusters.rehearsing')}
        </p>
      )}
      {rehearsal.error && <Failure error={rehearsal.error} again={() => rehearsal.mutate()} />}
      {rehearsal.data && <Findings name={t('clusters.rehearse')} of={rehearsal.data.items} />}
      <ChangeDialog
        open={asks === 'edit'}
        close={() => setAsks('')}
        title={t('clusters.edit-title', { id: of.id })}
        act={t('act.save')}
        ready={name.trim() !== '' && nodes.trim() !== ''}
        of={of}
        fields={versions(mine)}
        run={async ({ first, now }) => {
          await must(client.PUT('/clusters/{id}', { params: { ...path, header: seen(now) }, body: { ...merged(inputOf(first), inputOf(now), mine), default_namespace: now.default_namespace, ...(now.kind === 'kubernetes' ? { registry: now.registry, guard_url: now.guard_url } : {}) } }));
          rehearsal.reset(); // of what it was
          await after();
        }}
      >
        <label htmlFor={`name-${of.id}`}>{t('field.name')}</label>
        <Input id={`name-${of.id}`} value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />
        <label htmlFor={`nodes-${of.id}`}>{t('clusters.nodes')}</label>
        <Input.TextArea id={`nodes-${of.id}`} rows={3} value={nodes} onChange={(event) => setNodes(event.target.value)} />
        <div className="note">{t('clusters.nodes-note')}</div>
      </ChangeDialog>
      <Dialog
        open={asks === 'sweep'}
        close={() => setAsks('')}
        danger
        title={t('clusters.sweep-title', { id: of.id })}
        act={t('clusters.sweep')}
        typed={of.id}
        run={async () => {
          await must(client.POST('/clusters/{id}/sweep', { params: path }));
          await after();
        }}
      >
        <p>{t('clusters.sweep-text')}</p>
      </Dialog>
      <ChangeDialog
        open={asks === 'remove'}
        close={() => setAsks('')}
        danger
        title={t('clusters.remove-title', { id: of.id })}
        act={t('clusters.remove')}
        typed={of.id}
        of={of}
        fields={versions()}
        run={async ({ now }) => {
          await must(client.DELETE('/clusters/{id}', { params: { ...path, header: seen(now) } }));
          await after();
        }}
      >
        <p>{t('clusters.remove-text', { count: of.deployments })}</p>
      </ChangeDialog>
    </section>
  );
}

function Findings({ name, of }: { name: string; of: Schemas['ClusterFindings']['items'] }) {
  const { t } = useTranslation();
  return (
    <div style={{ marginTop: 12 }}>
      <Table
        name={name}
        rows={of}
        keyOf={(one) => one.what}
        columns={[
          { title: t('field.state'), cell: (one) => <StateOf state={one.state} /> },
          { title: t('clusters.what'), cell: (one) => <span className="mono">{said(one.what)}</span> },
          { title: t('audit.detail'), wide: true, cell: (one) => said(one.detail) },
          { title: t('clusters.remedy'), wide: true, cell: (one) => said(one.remedy) },
        ]}
      />
    </div>
  );
}

function Add({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [id, setId] = useState('');
  const [namespace, setNamespace] = useState('models');
  const [registry, setRegistry] = useState('');
  const [kubeconfig, setKubeconfig] = useState('');
  const [asGiven, setAsGiven] = useState(false);
  return (
    <Dialog
      open
      close={close}
      title={t('clusters.add')}
      act={t('clusters.add')}
      ready={id !== '' && namespace !== '' && kubeconfig !== ''}
      run={async () => {
        await must(client.POST('/clusters', { body: { id, default_namespace: namespace, kubeconfig, as_given: asGiven, ...(registry ? { registry } : {}) } }));
        await queries.invalidateQueries();
      }}
    >
      <p>{t('clusters.add-text')}</p>
      <label htmlFor="cluster-id">{t('clusters.id')}</label>
      <Input id="cluster-id" value={id} maxLength={63} onChange={(event) => setId(event.target.value.toLowerCase())} />
      <label htmlFor="cluster-namespace">{t('clusters.namespace')}</label>
      <Input id="cluster-namespace" value={namespace} maxLength={63} onChange={(event) => setNamespace(event.target.value)} />
      <label htmlFor="cluster-registry">{t('clusters.registry')}</label>
      <Input id="cluster-registry" value={registry} maxLength={253} placeholder="HOST:PORT" onChange={(event) => setRegistry(event.target.value)} />
      <label htmlFor="cluster-file">kubeconfig</label>
      <input id="cluster-file" type="file" onChange={(event) => void event.target.files?.[0]?.text().then(setKubeconfig)} />
      <div className="note">{t('clusters.kubeconfig-note')}</div>
      <Checkbox checked={asGiven} onChange={(event) => setAsGiven(event.target.checked)}>
        {t('clusters.as-given')}
      </Checkbox>
    </Dialog>
  );
}
