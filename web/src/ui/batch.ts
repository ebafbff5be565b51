// A batch as a person wishes it: what is chosen, what holds for all of it, and what is said of single items.
import type { Schemas } from '../api/client.ts';

type Plan = Schemas['BatchPlan'];
type PlanItem = Schemas['BatchPlanItem'];
type Wish = Schemas['BatchWish'];

export const kFilterFields = ['text', 'name', 'function', 'language', 'vendor'] as const;
export type Filter = Record<(typeof kFilterFields)[number], string>;

// What a person says of one item; what is absent is as for all.
export type Edit = Omit<Wish, 'version' | 'version_id'>;
export interface Pick {
  version_id: string;
  vendor_id: string;
  model: string;
  version: string;
  edit: Edit;
}
export const pickOf = (one: Schemas['ModelVersion']): Pick => ({ version_id: one.id, vendor_id: one.vendor_id, model: one.name, version: one.version, edit: {} });
// What another page brings along to the page of a new batch.
export interface Brought {
  picks?: Pick[];
}

export interface Wishes {
  by: 'picks' | 'filter';
  picks: Pick[];
  filter: Filter;
  except: string[]; // VENDOR/MODEL
  edits: Record<string, Edit>; // of a filter, by the version's id
  name: string; // patterns; empty: the platform's own, or no route
  prefix: string;
  cluster: string; // empty: the one that is the platform's own
  replicas: number | null; // null: as each config says
  callers: string[];
  open: boolean;
  network: boolean;
}
export const kNothing: Wishes = {
  by: 'picks',
  picks: [],
  filter: { text: '', name: '', function: '', language: '', vendor: '' },
  except: [],
  edits: {},
  name: '{model}',
  prefix: '',
  cluster: '',
  replicas: null,
  callers: [],
  open: false,
  network: false,
};

export function requestOf(wishes: Wishes): Schemas['BatchPlanRequest'] {
  const request: Schemas['BatchPlanRequest'] = {};
  if (wishes.by === 'picks') {
    request.items = wishes.picks.map((one) => ({ version_id: one.version_id, ...one.edit }));
  } else {
    request.filter = Object.fromEntries(Object.entries(wishes.filter).filter(([, value]) => value.trim() !== '').map(([name, value]) => [name, value.trim()]));
    if (wishes.except.length > 0) request.except = wishes.except;
    const edits = Object.entries(wishes.edits).filter(([, edit]) => Object.keys(edit).length > 0);
    if (edits.length > 0) request.edits = edits.map(([version, edit]) => ({ version, ...edit }));
  }
  if (wishes.name.trim() !== '') request.name = wishes.name.trim();
  if (wishes.prefix.trim() !== '') request.prefix = wishes.prefix.trim();
  if (wishes.cluster !== '') request.cluster = wishes.cluster;
  if (wishes.replicas !== null) request.replicas = wishes.replicas;
  if (wishes.open) request.open = true;
  else if (wishes.callers.length > 0) request.callers = wishes.callers;
  if (wishes.network) request.allow_network = true;
  return request;
}

export const requestIn = (item: { request: unknown }) => item.request as Partial<Schemas['DeploymentRequest']>;
// Where none is named it is the platform's own.
export const clusterOf = (item: { request: unknown }) => requestIn(item).cluster || 'local';

const kNameMax = 32;
// A plan that somebody else made, or that outlived the tab in which it was made, tells what was wished: item by item.
export function wishesOf(plan: Plan): Wishes {
  return {
    ...kNothing,
    picks: plan.items.map((item) => {
      const { name, version_id, ...more } = requestIn(item);
      const edit: Edit = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)));
      // A name that is too long came of a pattern, and is none that could be asked for.
      if (name !== undefined && name !== '' && name.length <= kNameMax) edit.name = name;
      return { version_id: version_id || item.version, vendor_id: item.vendor_id, model: item.model, version: item.version, edit };
    }),
  };
}

// What stays the same of an item from one plan to the next of the same wishes.
export function keyOf(wishes: Wishes, item: PlanItem): string {
  return wishes.by === 'picks' ? `#${item.number}` : requestIn(item).version_id || item.version;
}

export function editOf(wishes: Wishes, item: PlanItem): Edit {
  return wishes.by === 'picks' ? (wishes.picks[item.number - 1]?.edit ?? {}) : (wishes.edits[keyOf(wishes, item)] ?? {});
}
export function withEdit(wishes: Wishes, item: PlanItem, edit: Edit): Wishes {
  if (wishes.by === 'picks') return { ...wishes, picks: wishes.picks.map((one, at) => (at === item.number - 1 ? { ...one, edit } : one)) };
  return { ...wishes, edits: { ...wishes.edits, [keyOf(wishes, item)]: edit } };
}

interface Caused {
  code: string;
  message: string;
  remedy?: string;
}
export interface Cause<Item> {
  code: string;
  message: string; // of the first of them
  remedy: string;
  items: Item[];
}
// Equal causes are one, the one with the most items first.
export function causesOf<Item>(items: Item[], of: (item: Item) => Caused[]): Cause<Item>[] {
  const causes = new Map<string, Cause<Item>>();
  for (const item of items)
    for (const { code, message, remedy = '' } of of(item)) {
      const cause = causes.get(code) ?? { code, message, remedy, items: [] };
      if (!cause.items.includes(item)) cause.items.push(item);
      causes.set(code, cause);
    }
  return [...causes.values()].sort((a, b) => b.items.length - a.items.length);
}

export interface Moved {
  name: string;
  what: 'new' | 'gone' | 'refused' | 'allowed' | 'version' | 'ports' | 'other';
  before: string;
  after: string;
}
// What is otherwise in the plan that came in place of one that did not hold any more.
export function movedBetween(before: Plan, after: Plan): Moved[] {
  const key = (item: PlanItem) => `${item.vendor_id}/${item.model} ${requestIn(item).name ?? ''}`;
  const ports = (item: PlanItem) => item.ports.map((port) => port.node_port).join(', ');
  const was = new Map(before.items.map((item) => [key(item), item]));
  const is = new Map(after.items.map((item) => [key(item), item]));
  const moved: Moved[] = [];
  for (const [one, item] of was) if (!is.has(one)) moved.push({ name: nameOf(item), what: 'gone', before: '', after: '' });
  for (const [one, item] of is) {
    const former = was.get(one);
    const name = nameOf(item);
    if (!former) moved.push({ name, what: 'new', before: '', after: '' });
    else if (former.refusals.length === 0 && item.refusals[0]) moved.push({ name, what: 'refused', before: item.refusals[0].code, after: item.refusals[0].message });
    else if (former.refusals.length > 0 && item.refusals.length === 0) moved.push({ name, what: 'allowed', before: '', after: '' });
    else if (former.version !== item.version) moved.push({ name, what: 'version', before: former.version, after: item.version });
    else if (ports(former) !== ports(item)) moved.push({ name, what: 'ports', before: ports(former), after: ports(item) });
    else if (former.action !== item.action || former.from_revision !== item.from_revision || former.changes.length !== item.changes.length) moved.push({ name, what: 'other', before: '', after: '' });
  }
  return moved;
}
const nameOf = (item: PlanItem) => requestIn(item).name || item.model || item.version;

const kLatest = 20;
// Milliseconds that are left, at the pace of the latest items; undefined where there is none yet, or what waits waits for
// something else than its turn.
export function leftOf(batch: { counts: Schemas['BatchCounts']; items: Schemas['BatchItem'][] }, nowMs: number): number | undefined {
  const left = batch.counts.waiting + batch.counts.working;
  const times = batch.items
    .filter((item) => item.state === 'ready' || item.state === 'failed')
    .map((item) => item.changed_ms)
    .sort((a, b) => b - a)
    .slice(0, kLatest);
  const first = times.at(-1);
  if (batch.items.some((item) => item.state === 'waiting' && item.code !== '')) return undefined;
  if (left === 0 || times.length < 3 || first === undefined) return undefined;
  return (left * Math.max(0, nowMs - first)) / times.length;
}
