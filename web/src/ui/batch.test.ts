import { expect, test } from 'vitest';
import type { Schemas } from '../api/client.ts';
import { causesOf, keyOf, kNothing, leftOf, movedBetween, requestOf, wishesOf, withEdit, type Wishes } from './batch.ts';

type Item = Schemas['BatchPlanItem'];
// The description says of a request no more than that it is an object.
const asked = (request: object) => request as Item['request'];
const item = (number: number, changes: Partial<Item> = {}): Item => ({
  number,
  request: asked({ name: `m${number}`, version_id: `mv-${number}`, cluster: 'local', replicas: 1 }),
  vendor_id: 'acme',
  model: `m${number}`,
  version: '1.0.0',
  action: 'create',
  deployment_id: '',
  from_revision: 0,
  changes: [],
  ports: [{ slot: 0, port_name: 'http', container_port: 8080, node_port: 30000 + number }],
  cpu_millis: 0,
  memory_bytes: 0,
  refusals: [],
  warnings: [],
  ...changes,
});
const plan = (items: Item[]): Schemas['BatchPlan'] => ({
  id: 'bp-1',
  created_by: 'wang',
  created_ms: 0,
  expires_ms: 1,
  batch_id: '',
  totals: { items: items.length, create: 0, update: 0, none: 0, refused: 0, ports: 0 },
  clusters: [],
  items,
});
const picked: Wishes = {
  ...kNothing,
  picks: [1, 2].map((number) => ({ version_id: `mv-${number}`, vendor_id: 'acme', model: `m${number}`, version: '1.0.0', edit: {} })),
};

test('what is not said is not sent', () => {
  expect(requestOf(picked)).toEqual({ items: [{ version_id: 'mv-1' }, { version_id: 'mv-2' }], name: '{model}' });
  const filtered: Wishes = { ...kNothing, by: 'filter', filter: { ...kNothing.filter, vendor: 'acme', text: ' ' }, except: ['acme/rye'], edits: { 'mv-1': { replicas: 0 }, 'mv-2': {} }, prefix: '/{model}', replicas: 2, open: true, callers: ['c'] };
  expect(requestOf(filtered)).toEqual({ filter: { vendor: 'acme' }, except: ['acme/rye'], edits: [{ version: 'mv-1', replicas: 0 }], name: '{model}', prefix: '/{model}', replicas: 2, open: true });
});

test('one item is edited, however it was chosen', () => {
  expect(requestOf(withEdit(picked, item(2), { name: 'two' })).items).toEqual([{ version_id: 'mv-1' }, { version_id: 'mv-2', name: 'two' }]);
  const filtered: Wishes = { ...kNothing, by: 'filter' };
  expect(requestOf(withEdit(filtered, item(2), { name: 'two' })).edits).toEqual([{ version: 'mv-2', name: 'two' }]);
  expect(keyOf(filtered, item(2))).toBe('mv-2');
  expect(keyOf(picked, item(2))).toBe('#2');
});

test('a plan tells what was wished', () => {
  const long = item(2, { request: asked({ name: 'n'.repeat(40), version_id: 'mv-2', cluster: '', env: [] }) });
  const unknown = item(3, { request: asked({ name: 'acme/none@1' }), version: 'acme/none@1' });
  expect(requestOf(wishesOf(plan([item(1), long, unknown]))).items).toEqual([
    { version_id: 'mv-1', name: 'm1', cluster: 'local', replicas: 1 },
    { version_id: 'mv-2' },
    { version_id: 'acme/none@1', name: 'acme/none@1' },
  ]);
});

test('equal causes are one, the most frequent first', () => {
  const refused = (number: number, ...codes: string[]) => item(number, { refusals: codes.map((code) => ({ code, message: `${code} ${number}`, remedy: 'r' })) });
  const causes = causesOf([refused(1, 'a'), refused(2, 'b', 'a'), refused(3), refused(4, 'a', 'a')], (one) => one.refusals);
  expect(causes.map((cause) => [cause.code, cause.message, cause.items.map((one) => one.number)])).toEqual([
    ['a', 'a 1', [1, 2, 4]],
    ['b', 'b 2', [2]],
  ]);
});

test('what moved between two plans is found', () => {
  const before = plan([item(1), item(2), item(3), item(4), item(5, { refusals: [{ code: 'c', message: '', remedy: '' }] }), item(6)]);
  const after = plan([
    item(2, { ports: [] }),
    item(3, { refusals: [{ code: 'port-taken', message: 'taken', remedy: '' }] }),
    item(4),
    item(5),
    item(6, { version: '2.0.0' }),
    item(7),
  ]);
  expect(movedBetween(before, after).map((one) => [one.name, one.what])).toEqual([
    ['m1', 'gone'],
    ['m2', 'ports'],
    ['m3', 'refused'],
    ['m5', 'allowed'],
    ['m6', 'version'],
    ['m7', 'new'],
  ]);
});

test('the time that is left follows the latest pace', () => {
  const counts = { waiting: 4, working: 0, ready: 4, failed: 0, cancelled: 0, rolled_back: 0 };
  const done = (changed_ms: number): Schemas['BatchItem'] => ({ number: 1, request: {}, action: 'create', state: 'ready', deployment_id: '', code: '', message: '', changed_ms });
  expect(leftOf({ counts, items: [done(1000), done(2000)] }, 5000)).toBeUndefined();
  expect(leftOf({ counts, items: [done(1000), done(2000), done(3000), done(4000)] }, 5000)).toBe(4000);
  const held: Schemas['BatchItem'] = { ...done(1), state: 'waiting', code: 'no-engine' };
  expect(leftOf({ counts, items: [done(1000), done(2000), done(3000), held] }, 5000)).toBeUndefined();
  expect(leftOf({ counts: { ...counts, waiting: 0 }, items: [done(1), done(2), done(3)] }, 9)).toBeUndefined();
});
