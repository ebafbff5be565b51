// Where the page of a thing is that was found by its id or by a search.
import type { Schemas } from '../api/client.ts';
import type { Permission } from '../api/session.tsx';

export type Found = Schemas['Found'];

// `may`: what shows a thing to one person is closed to another.
export function pageOf(found: Found, may: (permission: Permission) => boolean): string {
  const { kind, id, name, within, detail } = found;
  const query = (text: string) => encodeURIComponent(text);
  switch (kind) {
    case 'version': {
      const [, vendor = '', model = '', version = ''] = /^([^/]*)\/([^@]*)@(.*)$/.exec(name) ?? [];
      return `/models/${vendor}/${model}/${version}`;
    }
    case 'deployment':
      return `/deployments/${id}`;
    case 'unit':
      return `/deployments/${within}`;
    case 'instance':
      return `/deployments/${within}${may('read-keys') ? '/grants' : ''}`;
    case 'batch':
      return `/batches/${id}`;
    case 'route':
      return may('read-callers') ? `/routes?text=${query(name)}` : '/my';
    case 'caller':
      return '/callers';
    case 'vendor':
      return `/vendors/${id}`;
    case 'port':
      return `/ports?cluster=${query(within)}&port=${id}`;
    case 'cluster':
      return '/clusters';
    case 'gateway':
      return '/gateways';
    case 'key':
      return '/keys';
    case 'person':
      return may('manage-people') ? '/people' : '/account';
    case 'request':
      if (detail !== '' && may('read-audit')) return `/audit?action=trial.send&subject=${query(within)}`;
      return within.startsWith('rt-') ? `/routes/${within}/try` : `/deployments/${within}/try`;
    case 'audit':
      return `/audit?action=${query(name)}&subject=${query(within)}`;
  }
}

// The word of the dictionary for its kind.
export const kindKey: Record<Found['kind'], string> = {
  version: 'nav.models',
  deployment: 'nav.deployments',
  unit: 'field.unit',
  instance: 'deployment.instance',
  batch: 'nav.batches',
  route: 'nav.routes',
  caller: 'nav.callers',
  vendor: 'nav.vendors',
  port: 'nav.ports',
  cluster: 'nav.clusters',
  gateway: 'nav.gateways',
  key: 'nav.keys',
  person: 'nav.people',
  request: 'find.request',
  audit: 'nav.audit',
};
