import { expect, test } from 'vitest';
import phrases from '../../../spec/messages/phrases.json';
import reasons from '../../../spec/messages/reasons.json';
import words from '../../../spec/messages/words.json';
import { Catalogue } from './catalogue.ts';

const made = new Catalogue(
  { group: { 'all is well': '一切正常', 'unit {}: {}': '单元 {}：{phrase}', '{} of {} are {}': '{} / {} {word}', '{} waits': '{} 等待' } },
  { group: { 'prefix-taken': '前缀已被使用' } },
  { group: { ready: '就绪' } },
);

test('a sentence is looked up by the rules of spec/messages', () => {
  expect(made.sentence('all is well')).toBe('一切正常');
  expect(made.sentence('1 of 2 are ready')).toBe('1 / 2 就绪');
  expect(made.sentence('unit a-0: all is well')).toBe('单元 a-0：一切正常');
  expect(made.sentence('unit a: unit b: 1 of 2 are ready')).toBe('单元 a：单元 b：1 / 2 就绪');
  expect(made.sentence('nobody translated this')).toBe('nobody translated this');
  expect(made.sentence(' waits')).toBe(' 等待');
});

test('what stands behind the place of a fault is looked up', () => {
  expect(made.sentence('a/mifeng.yaml:3:1: all is well')).toBe('a/mifeng.yaml:3:1: 一切正常');
  expect(made.sentence('a/mifeng.yaml:3:1: spec.ports: all is well')).toBe('a/mifeng.yaml:3:1: spec.ports: 一切正常');
  expect(made.sentence('a:b:1: spec.ports: all is well')).toBe('a:b:1: spec.ports: all is well');
});

test('an error is the Chinese of its reason and the sentence behind it', () => {
  expect(made.error('prefix-taken', 'The prefix /a belongs to rt-1.')).toBe('前缀已被使用（The prefix /a belongs to rt-1）');
  expect(made.error('unheard-of', 'all is well')).toBe('一切正常');
});

test('the catalogue itself is taken in', () => {
  const real = new Catalogue(phrases, reasons, words);
  expect(real.sentence('waits for its turn')).toMatch(/\p{Script=Han}/u);
  expect(real.error('cross-site', '')).toMatch(/\p{Script=Han}/u);
});

test('markup and patterns in a part stay what they are', () => {
  expect(made.sentence('unit $1<b>: .*')).toBe('单元 $1<b>：.*');
});
