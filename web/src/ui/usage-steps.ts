// Which steps of usage are asked for, and what stands below them.
import { moment } from './format.ts';

export const kSpans = ['day', 'week', 'month'] as const;
export type Span = (typeof kSpans)[number];
export const spanOf = (text: string | null): Span => kSpans.find((one) => one === text) ?? 'day';

const kHourMs = 3600_000;
const kDayMs = 24 * kHourMs;

export interface Asked {
  step: 'hour' | 'day';
  from_ms: number;
  day_begins: number; // hour of UTC
}
// The hour that is on counts, so it is not complete; so does the day. `eastMinutes`: how far the zone is ahead of UTC,
// whose half hours the platform does not keep apart.
export function askedOf(span: Span, nowMs: number, eastMinutes: number): Asked {
  const day_begins = (((24 - Math.floor(eastMinutes / 60)) % 24) + 24) % 24;
  if (span !== 'month') {
    const hours = span === 'day' ? 24 : 7 * 24;
    return { step: 'hour', from_ms: Math.floor(nowMs / kHourMs) * kHourMs - (hours - 1) * kHourMs, day_begins };
  }
  const shift = day_begins * kHourMs;
  return { step: 'day', from_ms: Math.floor((nowMs - shift) / kDayMs) * kDayMs + shift - 29 * kDayMs, day_begins };
}

// "09:00" of a day, "11-29 09:00" of a week, "11-29" of a month.
export function stepLabel(span: Span, ms: number, zone?: string): string {
  const full = moment(ms, zone);
  if (span === 'day') return full.slice(11, 16);
  return span === 'week' ? full.slice(5, 16) : full.slice(5, 10);
}
