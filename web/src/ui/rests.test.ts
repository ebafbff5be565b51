import { expect, test } from 'vitest';
import { differences, merged } from './rests.ts';

const first = { name: 'wheat', prefix: '/wheat', callers: ['a'], open: false };

test('what one left alone follows what somebody else made of it', () => {
  const now = { ...first, prefix: '/corn', callers: ['a', 'b'] };
  expect(merged(first, now, { ...first, name: 'Wheat' })).toEqual({ name: 'Wheat', prefix: '/corn', callers: ['a', 'b'], open: false });
  expect(merged(first, now, first)).toEqual(now);
});

test('what one changed stays as one wants it', () => {
  const now = { ...first, prefix: '/corn', open: true };
  expect(merged(first, now, { ...first, prefix: '/rye', callers: [] })).toEqual({ name: 'wheat', prefix: '/rye', callers: [], open: true });
});

test('nothing comes in that the form does not have', () => {
  const now = { ...first, name: 'corn', id: 'rt-1', etag: '0' };
  expect(merged(first, now, { name: 'wheat' } as Partial<typeof first>)).toEqual({ name: 'corn' });
});

const fields = (mine: Partial<Record<'name' | 'prefix', string>>) => [
  { label: 'name', of: (one: typeof first) => one.name, mine: mine.name },
  { label: 'prefix', of: (one: typeof first) => one.prefix, mine: mine.prefix },
  { label: 'open', of: (one: typeof first) => String(one.open) },
];

test('it is told who changed what', () => {
  const now = { ...first, prefix: '/corn', open: true };
  expect(differences(fields({ name: 'Wheat', prefix: '/wheat' }), { first, now })).toEqual([
    { label: 'name', first: 'wheat', mine: 'Wheat', theirs: undefined, both: false },
    { label: 'prefix', first: '/wheat', mine: undefined, theirs: '/corn', both: false },
    { label: 'open', first: 'false', mine: undefined, theirs: 'true', both: false },
  ]);
});

test('two who want the same do not collide', () => {
  const now = { ...first, prefix: '/corn' };
  expect(differences(fields({ prefix: '/corn' }), { first, now })).toMatchObject([{ label: 'prefix', both: false }]);
  expect(differences(fields({ prefix: '/rye' }), { first, now })).toMatchObject([{ label: 'prefix', mine: '/rye', theirs: '/corn', both: true }]);
  expect(differences(fields({}), { first, now: first })).toEqual([]);
});
