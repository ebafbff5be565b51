import { expect, test } from 'vitest';
import { kNoToleration, kSigned, overlayText, tolerationsOf, tolerationText, volumesOf, volumeText } from './overlay.ts';

const t = (key: string, values: Record<string, string | number> = {}) => [key, ...Object.values(values)].join(' ');

test('what is left as the vendor has it is not sent', () => {
  expect(volumesOf({})).toEqual([]);
  expect(volumesOf({ cache: kSigned, data: { ...kSigned, size: '1Gi' } })).toEqual([]);
});

test('a volume is on a medium or on a claim, and only a claim has a class', () => {
  const typed = { claim: 'shared', size: '1Gi', class: 'fast' };
  expect(volumesOf({ cache: { where: 'memory', ...typed } })).toEqual([{ name: 'cache', medium: 'memory', size: '1Gi' }]);
  expect(volumesOf({ cache: { where: 'disk', ...typed, size: '' } })).toEqual([{ name: 'cache', medium: 'disk' }]);
  expect(volumesOf({ cache: { where: 'claim', ...typed } })).toEqual([{ name: 'cache', claim: 'shared', size: '1Gi', storage_class: 'fast' }]);
});

test('a claim without a name is sent, so that the plan says what is missing', () => {
  expect(volumesOf({ cache: { ...kSigned, where: 'claim' } })).toEqual([{ name: 'cache' }]);
});

test('an empty line is no toleration, and seconds go with NoExecute alone', () => {
  expect(tolerationsOf([kNoToleration])).toEqual([]);
  expect(tolerationsOf([{ key: 'dedicated', value: '', effect: '', seconds: 60 }])).toEqual([{ key: 'dedicated' }]);
  expect(tolerationsOf([{ key: 'dedicated', value: 'lab', effect: 'NoExecute', seconds: 0 }])).toEqual([{ key: 'dedicated', value: 'lab', effect: 'NoExecute', seconds: 0 }]);
  // Refused by the plan, not left out.
  expect(tolerationsOf([{ key: '', value: 'lab', effect: '', seconds: null }])).toEqual([{ key: '', value: 'lab' }]);
});

test('an overlay is read on one line', () => {
  expect(volumeText(t, { name: 'cache', claim: 'shared', size: '1Gi', storage_class: 'fast' })).toBe('cache → volumes.claim shared, 1Gi, fast');
  expect(tolerationText(t, { key: 'a', value: '', effect: 'NoExecute', seconds: 0 })).toBe('tolerations.one a=:NoExecutetolerations.for 0');
  expect(
    overlayText(t, {
      env: [{ name: 'LANG', value: 'C' }],
      requests: { cpu: '1' },
      limits: { memory: '2Gi' },
      allow_network: false,
      volumes: [{ name: 'cache', medium: 'memory' }],
      tolerations: [{ key: 'dedicated' }],
    }),
  ).toBe('LANG=C · cpu ≥ 1 · memory ≤ 2Gi · cache → volumes.memory · tolerations.one dedicated');
});
