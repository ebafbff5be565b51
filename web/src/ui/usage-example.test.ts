import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exampleOf } from './usage-example.ts';

test('the call and the block behind it', () => {
  expect(exampleOf('# m\n\n`POST /predict` with one:\n\n```json\n{"a": 1,\n "b": 2}\n```\nand\n```json\n{}\n```\n')).toEqual({ method: 'POST', path: '/predict', body: '{"a": 1,\n "b": 2}' });
  expect(exampleOf('`GET /v2/models/m` says it.\n```json\n{}\n```\n')).toEqual({ method: 'GET', path: '/v2/models/m', body: '' });
});

test('a block that belongs to another call is not taken', () => {
  expect(exampleOf('`POST /a` or `POST /b`:\n```json\n{}\n```\n')).toEqual({ method: 'POST', path: '/a', body: '' });
});

test('what shows no call has no example', () => {
  expect(exampleOf('Read the manual. ```json\n{}\n```')).toBeNull();
  expect(exampleOf('')).toBeNull();
});

test('the documents of our own examples have one', () => {
  const examples = join(import.meta.dirname, '../../../examples');
  for (const name of readdirSync(examples, { withFileTypes: true }).filter((one) => one.isDirectory())) {
    const found = exampleOf(readFileSync(join(examples, name.name, 'docs/usage.md'), 'utf8'));
    expect({ name: name.name, path: found?.path.startsWith('/') }).toEqual({ name: name.name, path: true });
  }
});
