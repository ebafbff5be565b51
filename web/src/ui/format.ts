// Numbers, sizes, times and ids as people read them.
export function groups(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

// In Kubernetes' units: 4Gi, 512Mi, 1.5Gi; below 1 KiB in bytes.
export function bytes(value: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let at = 0;
  let left = value;
  while (left >= 1024 && at < units.length - 1) {
    left /= 1024;
    at += 1;
  }
  const rounded = left >= 100 || Number.isInteger(left) ? Math.round(left) : Math.round(left * 10) / 10;
  return `${rounded}${units[at]}`;
}

export function middle(id: string, keep = 8): string {
  return id.length <= 2 * keep + 1 ? id : `${id.slice(0, keep)}…${id.slice(-keep)}`;
}

const two = (value: number) => String(value).padStart(2, '0');

// 2026-11-29 09:41, in the zone of the browser or the one given.
export function moment(ms: number, zone?: string): string {
  if (ms === 0) return '—';
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(ms);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  return `${of('year')}-${of('month')}-${of('day')} ${of('hour')}:${of('minute')}:${of('second')}`;
}

export type Ago = { unit: 'now' } | { unit: 'seconds' | 'minutes' | 'hours'; count: number } | { unit: 'absolute' };
// Relative below 24 hours, either way.
export function ago(ms: number, nowMs: number): Ago {
  const seconds = Math.round(Math.abs(nowMs - ms) / 1000);
  if (seconds < 5) return { unit: 'now' };
  if (seconds < 60) return { unit: 'seconds', count: seconds };
  if (seconds < 3600) return { unit: 'minutes', count: Math.floor(seconds / 60) };
  if (seconds < 24 * 3600) return { unit: 'hours', count: Math.floor(seconds / 3600) };
  return { unit: 'absolute' };
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

// A cell of a CSV file that no spreadsheet takes for a formula.
function csvCell(value: string | number): string {
  const text = String(value);
  const defused = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(defused) ? `"${defused.replaceAll('"', '""')}"` : defused;
}

export function csv(rows: (string | number)[][]): string {
  return `\uFEFF${rows.map((row) => row.map(csvCell).join(',')).join('\r\n')}\r\n`;
}
