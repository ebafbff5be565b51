// The console's own colours and measures; everything else (the component library's theme, the style sheets' variables)
// is made of them. docs/decisions/0022-console.md says why.
export interface Palette {
  page: string;
  band: string;
  selection: string;
  text: string;
  second: string;
  field: string;
  line: string;
  act: string;
  ready: string;
  starting: string;
  degraded: string;
  failed: string;
  waits: string;
  gone: string;
}

export const light: Palette = {
  page: '#FFFFFF',
  band: '#F2F4F4',
  selection: '#E3EEF2',
  text: '#1A1E21',
  second: '#555C62',
  field: '#7B8288',
  line: '#D9DDDE',
  act: '#14506B',
  ready: '#1B6E3C',
  starting: '#1B62A8',
  degraded: '#8A5200',
  failed: '#B3261E',
  waits: '#6A3FA0',
  gone: '#555C62',
};

export const dark: Palette = {
  page: '#15181A',
  band: '#1D2124',
  selection: '#20343D',
  text: '#E6E8E9',
  second: '#A6ADB2',
  field: '#7A8288',
  line: '#33393D',
  act: '#7CC0DE',
  ready: '#6CC48A',
  starting: '#7DB5F0',
  degraded: '#E3A949',
  failed: '#F28B82',
  waits: '#BFA2EC',
  gone: '#A6ADB2',
};

export const sans =
  '"Segoe UI", -apple-system, "PingFang SC", "Microsoft YaHei UI", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif';
export const mono = 'ui-monospace, Consolas, "Noto Sans Mono CJK SC", monospace';

// WCAG 2.2: relative luminance and contrast of two colours as #RRGGBB.
export function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const part = (at: number) => {
      const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  };
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}
