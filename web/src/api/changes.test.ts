import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Refresher, concerns, kSources } from './changes.ts';
import type { Change } from './stream.ts';

const of = (kind: Change['kind'], id = 'x'): Change => ({ kind, id, time_ms: 1 });

test('every query that is kept live says what it is made of', () => {
  const source = join(import.meta.dirname, '..');
  const text = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.tsx'))
    .map((name) => readFileSync(join(source, name), 'utf8'))
    .join('\n');
  const uses = text.match(/\buseLive(?:<[^(]*>)?\(/g)?.length ?? 0;
  const words = [...text.matchAll(/\buseLive(?:<[^(]*>)?\(\s*\[\s*'([a-z-]+)'/g)].map(([, word]) => word ?? '');
  expect(words.length).toBe(uses);
  expect(words.length).toBeGreaterThan(30);
  expect(words.filter((word) => !(word in kSources))).toEqual([]);
});

test('every kind of change is news for some query, but for what no page shows', () => {
  const kinds = new Set(Object.values(kSources).flatMap((source) => source.kinds));
  const description = readFileSync(join(import.meta.dirname, '../../../spec/openapi.yaml'), 'utf8');
  const all = /ChangeEvent:[\s\S]*?enum: \[([^\]]*)\]/.exec(description)?.[1]?.split(', ') ?? [];
  expect(all.length).toBeGreaterThan(10);
  expect(all.filter((kind) => !kinds.has(kind as Change['kind']))).toEqual(['uploads']);
});

test('a change is news for its kind, and of one thing for that thing alone', () => {
  expect(concerns(['deployments', { page: 1 }], of('deployments'))).toBe(true);
  expect(concerns(['deployments', 'names'], of('units'))).toBe(true);
  expect(concerns(['deployment', 'x'], of('deployments'))).toBe(true);
  expect(concerns(['deployment', 'y'], of('deployments'))).toBe(false);
  expect(concerns(['deployment', 'x'], of('routes'))).toBe(false);
  expect(concerns(['vendor', ''], of('vendors'))).toBe(true);
  expect(concerns(['audit', 'of', 'x'], of('audit', ''))).toBe(true);
  expect(concerns(['config', 'x'], of('models'))).toBe(false);
});

test('one round after the other, and nothing is lost between', async () => {
  const rounds: string[][] = [];
  const ends: (() => void)[] = [];
  const keys = [['routes'], ['callers'], ['config']];
  const refresher = new Refresher(
    (about) => {
      rounds.push(keys.filter(about).map(String));
      return new Promise<void>((done) => ends.push(done));
    },
    () => Promise.resolve(),
  );
  const settle = () => new Promise((done) => setTimeout(done, 20));
  refresher.changed([of('routes')]);
  refresher.changed([of('callers')]);
  refresher.changed([of('callers')]);
  await settle();
  expect(rounds).toEqual([['routes']]);
  ends.shift()?.();
  await settle();
  expect(rounds).toEqual([['routes'], ['callers']]);
  refresher.reset();
  ends.shift()?.();
  await settle();
  expect(rounds).toEqual([['routes'], ['callers'], ['routes', 'callers', 'config']]);
  ends.shift()?.();
  await settle();
  expect(rounds.length).toBe(3);
});
