// Where things are, and who may see them.
import type { Me, Permission } from '../api/session.tsx';

interface Place {
  to: string;
  key: string; // of the dictionary
  needs?: Permission;
  roles?: Me['roles']; // only these, whatever else they may
}
export interface PlaceGroup {
  key: string;
  places: Place[];
}

const navigation: PlaceGroup[] = [
  { key: '', places: [{ to: '/overview', key: 'nav.overview', needs: 'read-deployments' }] },
  {
    key: 'nav.delivery',
    places: [
      { to: '/models', key: 'nav.models', needs: 'read-models' },
      { to: '/submit', key: 'nav.submit', needs: 'submit' },
      { to: '/vendors', key: 'nav.vendors', needs: 'read-vendors' },
    ],
  },
  {
    key: 'nav.running',
    places: [
      { to: '/deployments', key: 'nav.deployments', needs: 'read-deployments' },
      { to: '/batches', key: 'nav.batches', needs: 'read-deployments' },
      { to: '/ports', key: 'nav.ports', needs: 'read-ports' },
    ],
  },
  {
    key: 'nav.calls',
    places: [
      { to: '/routes', key: 'nav.routes', needs: 'read-callers' },
      { to: '/callers', key: 'nav.callers', needs: 'read-callers' },
      { to: '/my', key: 'nav.my', roles: ['caller'] },
    ],
  },
  {
    key: 'nav.trust',
    places: [
      { to: '/keys', key: 'nav.keys', needs: 'read-keys' },
      { to: '/card', key: 'nav.card', needs: 'read-card' },
      { to: '/audit', key: 'nav.audit', needs: 'read-audit' },
    ],
  },
  {
    key: 'nav.platform',
    places: [
      { to: '/clusters', key: 'nav.clusters', needs: 'read-clusters' },
      { to: '/gateways', key: 'nav.gateways', needs: 'read-gateways' },
      { to: '/people', key: 'nav.people', needs: 'manage-people' },
      { to: '/settings', key: 'nav.settings', needs: 'read-system' },
    ],
  },
];

export function placesFor(me: Me): PlaceGroup[] {
  const allowed = (place: Place) =>
    (place.needs === undefined || me.permissions.includes(place.needs)) &&
    (place.roles === undefined || place.roles.some((role) => me.roles.includes(role)));
  return navigation
    .map((group) => ({ ...group, places: group.places.filter(allowed) }))
    .filter((group) => group.places.length > 0);
}

// Several roles: the first of operator, administrator, vendor, auditor, caller decides.
export function landing(me: Me): string {
  if (me.roles.includes('operator') || me.roles.includes('administrator')) return '/overview';
  if (me.roles.includes('vendor')) return '/submit';
  if (me.roles.includes('auditor')) return '/audit';
  if (me.roles.includes('caller')) return '/my';
  return '/account';
}
