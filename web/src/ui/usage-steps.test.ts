import { expect, test } from 'vitest';
import { askedOf, spanOf, stepLabel } from './usage-steps.ts';

const kHour = 3600_000;
const now = Date.UTC(2026, 10, 30, 12, 34, 56);

test('a day is 24 hours, of which the last is the one that is on', () => {
  const asked = askedOf('day', now, 480);
  expect(asked.step).toBe('hour');
  expect(asked.from_ms).toBe(Date.UTC(2026, 10, 29, 13));
  expect((Math.floor(now / kHour) * kHour - asked.from_ms) / kHour).toBe(23);
});

test('a week is 168 hours', () => {
  const asked = askedOf('week', now, 0);
  expect((Math.floor(now / kHour) * kHour - asked.from_ms) / kHour).toBe(167);
});

test.each([
  ['Shanghai', 480, 16, Date.UTC(2026, 9, 31, 16)],
  ['UTC', 0, 0, Date.UTC(2026, 10, 1)],
  ['New York', -300, 5, Date.UTC(2026, 10, 1, 5)],
  ['Kolkata, whose days begin at half past', 330, 19, Date.UTC(2026, 9, 31, 19)],
])('a month is 30 days of one’s own: %s', (_, east, begins, from) => {
  expect(askedOf('month', now, east)).toEqual({ step: 'day', from_ms: from, day_begins: begins });
});

test('what stands below a step is as fine as the span needs', () => {
  const ms = Date.UTC(2026, 10, 29, 1);
  expect(stepLabel('day', ms, 'Asia/Shanghai')).toBe('09:00');
  expect(stepLabel('week', ms, 'Asia/Shanghai')).toBe('11-29 09:00');
  expect(stepLabel('month', ms, 'Asia/Shanghai')).toBe('11-29');
});

test('an address that names no span means a day', () => {
  expect([spanOf('week'), spanOf(null), spanOf('century')]).toEqual(['week', 'day', 'day']);
});
