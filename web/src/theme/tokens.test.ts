import { expect, test } from 'vitest';
import { type Palette, contrast, dark, light } from './tokens.ts';

const kText: (keyof Palette)[] = ['text', 'second', 'act', 'ready', 'starting', 'degraded', 'failed', 'waits', 'gone'];

test('contrast is as WCAG computes it', () => {
  expect(contrast('#000000', '#FFFFFF')).toBeCloseTo(21, 5);
  expect(contrast('#FFFFFF', '#FFFFFF')).toBe(1);
  expect(contrast('#777777', '#FFFFFF')).toBeCloseTo(4.48, 2);
});

for (const [name, palette] of Object.entries({ light, dark }))
  for (const ground of ['page', 'band', 'selection'] as const) {
    test.each(kText)(`${name}: %s is read on the ${ground}`, (colour) => {
      expect(contrast(palette[colour], palette[ground])).toBeGreaterThanOrEqual(4.5);
    });
    test(`${name}: a field is seen on the ${ground}`, () => {
      expect(contrast(palette.field, palette[ground])).toBeGreaterThanOrEqual(3);
    });
  }

test('states are told apart by more than their colour', () => {
  for (const palette of [light, dark]) {
    const colours = [palette.ready, palette.starting, palette.degraded, palette.failed, palette.waits];
    expect(new Set(colours).size).toBe(colours.length);
  }
});

test('the button of an act is read', () => {
  expect(contrast(light.act, '#FFFFFF')).toBeGreaterThanOrEqual(4.5);
  expect(contrast(dark.act, '#15181A')).toBeGreaterThanOrEqual(4.5);
});
