import { expect, test } from 'vitest';
import { ago, bytes, csv, duration, groups, middle, moment } from './format.ts';

test('numbers and sizes', () => {
  expect(groups(18204)).toBe('18,204');
  expect(groups(1_234_567)).toBe('1,234,567');
  expect(groups(7)).toBe('7');
  expect(bytes(0)).toBe('0');
  expect(bytes(1023)).toBe('1023');
  expect(bytes(4 * 2 ** 30)).toBe('4Gi');
  expect(bytes(1.5 * 2 ** 30)).toBe('1.5Gi');
  expect(bytes(34.25 * 2 ** 20)).toBe('34.3Mi');
});

test('ids are cut in the middle', () => {
  expect(middle('short')).toBe('short');
  expect(middle('0123456789abcdef0123', 4)).toBe('0123…0123');
});

test.each([
  ['Asia/Shanghai', '2026-11-29 17:41:07'],
  ['UTC', '2026-11-29 09:41:07'],
  ['America/New_York', '2026-11-29 04:41:07'],
])('a moment in %s', (zone, text) => {
  expect(moment(Date.UTC(2026, 10, 29, 9, 41, 7), zone)).toBe(text);
});

test('midnight is 00', () => {
  expect(moment(Date.UTC(2026, 0, 1, 0, 0, 0), 'UTC')).toBe('2026-01-01 00:00:00');
});

test('how long ago', () => {
  const now = 1_790_000_000_000;
  expect(ago(now, now)).toEqual({ unit: 'now' });
  expect(ago(now - 8000, now)).toEqual({ unit: 'seconds', count: 8 });
  expect(ago(now - 125_000, now)).toEqual({ unit: 'minutes', count: 2 });
  expect(ago(now + 5 * 3600_000, now)).toEqual({ unit: 'hours', count: 5 });
  expect(ago(now - 25 * 3600_000, now)).toEqual({ unit: 'absolute' });
  expect(duration(7_000)).toBe('0:07');
  expect(duration(3_725_000)).toBe('1:02:05');
});

test('a spreadsheet takes no cell for a formula', () => {
  expect(csv([['=1+1', '@x', '-2', 'a,b', 'say "x"', -2]])).toBe(`\uFEFF'=1+1,'@x,'-2,"a,b","say ""x""",-2\r\n`);
});
