import { expect, test } from 'vitest';
import { readPackage } from './package.ts';

// A tar entry: header of 512 bytes, content padded to 512.
function entry(name: string, content: string): Uint8Array {
  const body = new TextEncoder().encode(content);
  const made = new Uint8Array(512 + Math.ceil(body.length / 512) * 512);
  made.set(new TextEncoder().encode(name), 0);
  made.set(new TextEncoder().encode(`${body.length.toString(8).padStart(11, '0')}\0`), 124);
  made.set(body, 512);
  return made;
}
const manifest = JSON.stringify({ vendor: { id: 'acme' }, model: { name: 'digits', version: '1.2.0', language: 'python', function: '手写数字识别' } });
const says = { vendor: 'acme', name: 'digits', version: '1.2.0', language: 'python', function: '手写数字识别' };

test('the manifest is read where it stands', async () => {
  expect(await readPackage(new Blob([entry('mifeng-package.json', manifest) as BlobPart]))).toEqual(says);
  expect(await readPackage(new Blob([entry('other', 'x'.repeat(700)) as BlobPart, entry('mifeng-package.json', manifest) as BlobPart]))).toEqual(says);
});

test.each([
  ['nothing', new Blob([])],
  ['a picture', new Blob([new Uint8Array(4096).fill(0x89)])],
  ['zeros', new Blob([new Uint8Array(4096)])],
  ['a manifest that is no JSON', new Blob([entry('mifeng-package.json', '{') as BlobPart])],
  ['a manifest that is cut short', new Blob([entry('mifeng-package.json', manifest).slice(0, 600) as BlobPart])],
  ['no manifest', new Blob([entry('a', 'b') as BlobPart, new Uint8Array(1024)])],
])('%s is no package', async (_name, blob) => {
  expect(await readPackage(blob)).toBeNull();
});
