// The first request that a model's usage document shows: `POST /predict`, and the block behind it.
export interface Example {
  method: string;
  path: string;
  body: string;
}

const kCall = /`(GET|POST|PUT|PATCH|DELETE) (\/[^\s`]*)`/;

export function exampleOf(markdown: string): Example | null {
  const call = kCall.exec(markdown);
  if (!call) return null;
  const [whole, method = '', path = ''] = call;
  if (method === 'GET') return { method, path, body: '' };
  const after = markdown.slice(call.index + whole.length);
  // A further call before the block means that the block is not this one's.
  const block = /^```[a-z]*\n([^]*?)^```/m.exec(after);
  const next = kCall.exec(after);
  if (!block || (next && next.index < block.index)) return { method, path, body: '' };
  return { method, path, body: (block[1] ?? '').trimEnd() };
}
