import { expect, test } from 'vitest';
import { fromBase64, hexDump, textOf, toBase64 } from './bytes.ts';

test('base64 goes both ways, also for much', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) % 256);
  expect(fromBase64(toBase64(bytes))).toEqual(bytes);
  expect(toBase64(new Uint8Array())).toBe('');
  expect(toBase64(new TextEncoder().encode('模'))).toBe('5qih');
});

test('text is text, and nothing else is', () => {
  expect(textOf(new TextEncoder().encode('{"sum":6.0} 模型'))).toBe('{"sum":6.0} 模型');
  expect(textOf(Uint8Array.of(0xff, 0xfe))).toBeNull();
  expect(textOf(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\uFEFFa');
});

test('a dump says where, what and what of it can be read', () => {
  const bytes = Uint8Array.from([0x4d, 0x46, 0x53, 1, ...Array.from({ length: 14 }, () => 0xab)]);
  expect(hexDump(bytes, 4096)).toBe(
    '0000  4D 46 53 01 AB AB AB AB  AB AB AB AB AB AB AB AB  MFS.............\n' + `0010  AB AB${' '.repeat(18)}  ${' '.repeat(23)}  ..`,
  );
  expect(hexDump(bytes, 16).split('\n')).toHaveLength(1);
  expect(hexDump(new Uint8Array(), 16)).toBe('');
});
