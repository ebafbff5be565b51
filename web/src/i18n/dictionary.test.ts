// Both dictionaries say everything that the pages ask for, and nothing else; no page says anything by itself.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import en from './en.json';
import zh from './zh.json';

const source = join(import.meta.dirname, '..');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !/\.(test|gen)\.ts$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(source, name), 'utf8') }));
const all = files.map((file) => file.text).join('\n');
const base = (key: string) => key.replace(/_(one|other)$/, '');
const englishKeys = new Set(Object.keys(en).map(base));
const chinese = zh as Record<string, string>;
const english = en as Record<string, string>;

// `state.${x}` asks for every key that begins so.
const begun = [...all.matchAll(/`([a-z][a-z-]*\.[a-z.-]*)\$\{[^`]*?\}([a-z-]*)`/g)].map(([, before, after]) => new RegExp(`^${before?.replaceAll('.', '\\.')}[A-Za-z0-9-]+${after}$`));
const written = new Set([...all.matchAll(/'([a-z]+(?:\.[A-Za-z0-9-]+)*)'/g)].map(([, key]) => key));

test('there are files and words', () => {
  expect(files.length).toBeGreaterThan(40);
  expect(Object.keys(zh).length).toBeGreaterThan(400);
});

test('English and Chinese have the same keys', () => {
  expect([...englishKeys].filter((key) => !(key in zh))).toEqual([]);
  expect(Object.keys(zh).filter((key) => !englishKeys.has(key))).toEqual([]);
});

test('what a page asks for is there', () => {
  const asked = [...all.matchAll(/\bt\(\s*(?:[^'"`()]*\?\s*)?'([^']+)'/g)].map(([, key]) => key ?? '');
  expect(asked.length).toBeGreaterThan(300);
  expect(asked.filter((key) => !(key in zh))).toEqual([]);
});

test('no word is left over', () => {
  const unused = Object.keys(zh).filter((key) => !written.has(key) && !begun.some((pattern) => pattern.test(key)));
  expect(unused).toEqual([]);
});

test('parts are the same in both languages', () => {
  const parts = (text: string) => new Set([...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name));
  for (const [key, text] of Object.entries(english)) {
    const theirs = parts(chinese[base(key)] ?? '');
    // One of something need not name the number.
    if (!key.endsWith('_one')) expect({ key, parts: [...theirs].sort() }).toEqual({ key, parts: [...parts(text)].sort() });
  }
});

test('a plural has both its forms', () => {
  for (const key of Object.keys(en)) {
    if (key.endsWith('_one')) expect(english).toHaveProperty([`${base(key)}_other`]);
    if (key.endsWith('_other')) expect(english).toHaveProperty([`${base(key)}_one`]);
  }
});

test('no Han stands in a page', () => {
  const withHan = files.filter((file) => file.name.endsWith('.tsx') && /\p{Script=Han}/u.test(file.text.replace(/\/\/.*$/gm, '')));
  expect(withHan.map((file) => file.name)).toEqual([]);
});

test('Chinese is Chinese, English is English, and nobody shouts', () => {
  const names = new Set(['door.note', 'shell.other-language']);
  for (const [key, text] of Object.entries(chinese)) {
    if (!names.has(key)) expect({ key, text: /\p{Script=Han}|^(Shift|CPU)/u.test(text) }).toEqual({ key, text: true });
    expect(text).not.toMatch(/[!！]/);
  }
  for (const [key, text] of Object.entries(english)) {
    if (!names.has(key)) expect({ key, han: /\p{Script=Han}/u.test(text) }).toEqual({ key, han: false });
    expect(text).not.toMatch(/!/);
  }
});
