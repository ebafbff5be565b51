import { expect, test } from 'vitest';
import { type Found, kindKey, pageOf } from './found.ts';

const one = (kind: Found['kind'], more: Partial<Found> = {}): Found => ({ kind, id: 'x', name: '', detail: '', within: '', ...more });
const all = () => true;
const none = () => false;

test('every kind has a page', () => {
  for (const kind of Object.keys(kindKey) as Found['kind'][]) expect(pageOf(one(kind), all)).toMatch(/^\/[a-z]/);
});

test('a version is found under its names', () => {
  expect(pageOf(one('version', { id: 'mv-1', name: 'acme/digits@1.2.0' }), all)).toBe('/models/acme/digits/1.2.0');
});

test('what belongs to something is shown there', () => {
  expect(pageOf(one('unit', { within: 'wheat-1' }), all)).toBe('/deployments/wheat-1');
  expect(pageOf(one('instance', { within: 'wheat-1' }), all)).toBe('/deployments/wheat-1/grants');
  expect(pageOf(one('instance', { within: 'wheat-1' }), none)).toBe('/deployments/wheat-1');
  expect(pageOf(one('port', { id: '30017', within: 'ward' }), all)).toBe('/ports?cluster=ward&port=30017');
  expect(pageOf(one('route', { name: '/a b' }), all)).toBe('/routes?text=%2Fa%20b');
});

test('nobody is led where he may not go', () => {
  expect(pageOf(one('route', { name: '/a' }), none)).toBe('/my');
  expect(pageOf(one('person'), none)).toBe('/account');
  expect(pageOf(one('request', { within: 'rt-1', detail: '7' }), all)).toBe('/audit?action=trial.send&subject=rt-1');
  expect(pageOf(one('request', { within: 'rt-1' }), none)).toBe('/routes/rt-1/try');
  expect(pageOf(one('request', { within: 'wheat-1' }), none)).toBe('/deployments/wheat-1/try');
});
