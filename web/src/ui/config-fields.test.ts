import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configOf, differences } from './config-fields.ts';

test('the nine fields of an example', () => {
  const config = configOf(readFileSync(new URL('../../../examples/tumor-cpp/deployment.yaml', import.meta.url), 'utf8'));
  expect(config.model).toBe('tumor 1.0.0');
  expect(config.pull).toBe('IfNotPresent');
  expect(config.replicas).toBe(1);
  expect(config.ports).toEqual([{ name: 'http', containerPort: 8080 }]);
  expect(config.command).toEqual(['/app/model']);
  expect(config.env[0]).toEqual({ name: 'LANG', value: 'C.UTF-8' });
  expect(config.requests).toEqual([['cpu', '100m'], ['memory', '64Mi']]);
  expect(config.limits).toEqual([['cpu', '1'], ['memory', '512Mi']]);
  expect(config.volumes).toEqual([{ name: 'cache', text: 'cache (emptyDir) → /cache' }]);
  expect(config.network).toBe(false);
});

test('what is no config has no fields, and breaks nothing', () => {
  for (const text of ['', '[', 'spec: 3', 'spec: {ports: 1, env: {a: b}, resources: []}']) expect(configOf(text).ports).toEqual([]);
});

test('what differs between two configs', () => {
  const config = (spec: string) => `spec:\n  model: {name: a, version: "1"}\n  replicas: 1\n${spec}`;
  const before = config('  env: [{name: A, value: "1"}]\n  resources: {limits: {memory: 2Gi}}');
  const after = config('  env: [{name: A, value: "2"}, {name: B, value: x}]\n  resources: {limits: {memory: 4Gi, cpu: "1"}}');
  expect(differences(before, before)).toEqual([]);
  expect(differences(before, after)).toEqual([
    { field: 'env.A', before: '1', after: '2' },
    { field: 'limits.memory', before: '2Gi', after: '4Gi' },
    { field: 'env.B', before: '', after: 'x' },
    { field: 'limits.cpu', before: '', after: '1' },
  ]);
});
