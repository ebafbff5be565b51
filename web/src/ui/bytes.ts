// Bytes as the API has them (base64), as people read them (hex), and as text.
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  // A call takes so many arguments and no more.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

// Null where it is no UTF-8.
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

// Lines of 16: where they begin, the bytes, and what of them is ASCII.
export function hexDump(bytes: Uint8Array, limit: number): string {
  const lines: string[] = [];
  const shown = bytes.subarray(0, limit);
  for (let at = 0; at < shown.length; at += 16) {
    const row = [...shown.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    const left = hex.slice(0, 8).join(' ').padEnd(23);
    lines.push(`${at.toString(16).padStart(4, '0')}  ${left}  ${hex.slice(8).join(' ').padEnd(23)}  ${ascii}`);
  }
  return lines.join('\n');
}
