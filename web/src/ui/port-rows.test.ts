import { expect, test } from 'vitest';
import { type Port, consecutive, kAcross, matches, rowsOf } from './port-rows.ts';

const port = (number: number, state: Port['state'] = 'free', holder = ''): Port => ({ port: number, state, holder, unit: '', port_name: '' });
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => port(first + at));

test('rows of 64, and a new one for each range', () => {
  const rows = rowsOf([...range(30000, 30099), ...range(31000, 31001)]);
  expect(rows.map((row) => [row.first, row.cells.length])).toEqual([
    [30000, kAcross],
    [30064, 36],
    [31000, 2],
  ]);
  expect(rowsOf([])).toEqual([]);
});

test('free ports in a row, in one range', () => {
  const ports = [port(1), port(2, 'used'), port(3), port(4), port(6), port(7), port(8, 'reserved')];
  expect(consecutive(ports, 1)).toBe(1);
  expect(consecutive(ports, 2)).toBe(3);
  expect(consecutive(ports, 3)).toBeUndefined();
});

test('a port is found by its number or its holder', () => {
  expect(matches(port(30017, 'used', 'wheat-1'), '30017')).toBe(true);
  expect(matches(port(30017, 'used', 'wheat-1'), 'WHEAT')).toBe(true);
  expect(matches(port(30017), '300')).toBe(true);
  expect(matches(port(30017), '3')).toBe(false);
  expect(matches(port(30017), '')).toBe(false);
});
