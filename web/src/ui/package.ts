// What a package says of itself, read in the browser before a byte is sent (spec/package.md): a tar whose first entry is
// the manifest. Nothing here is verified, and the page says so.
export interface PackageSays {
  vendor: string;
  name: string;
  version: string;
  language: string;
  function: string;
}

const kBlock = 512;
const kManifestMax = 1 << 20;
const kName = 'mifeng-package.json';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replace(/\0[^]*$/, '');

export async function readPackage(file: Blob): Promise<PackageSays | null> {
  let at = 0;
  for (let entries = 0; entries < 64 && at + kBlock <= file.size; entries += 1) {
    const head = new Uint8Array(await file.slice(at, at + kBlock).arrayBuffer());
    const name = text(head.subarray(0, 100));
    const size = Number.parseInt(text(head.subarray(124, 136)).trim(), 8);
    if (name === '' || !Number.isFinite(size)) return null;
    if (name === kName) {
      if (size > kManifestMax) return null;
      try {
        const said = JSON.parse(await file.slice(at + kBlock, at + kBlock + size).text()) as Record<string, Record<string, unknown>>;
        const of = (outer: string, inner: string) => String(said[outer]?.[inner] ?? '');
        return { vendor: of('vendor', 'id'), name: of('model', 'name'), version: of('model', 'version'), language: of('model', 'language'), function: of('model', 'function') };
      } catch {
        return null;
      }
    }
    at += kBlock + Math.ceil(size / kBlock) * kBlock;
  }
  return null;
}
