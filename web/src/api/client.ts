import createClient from 'openapi-fetch';
import { heard, missed } from './connection.ts';
import { ApiError } from './error.ts';
import type { components, paths } from './schema.gen.ts';

export type Schemas = components['schemas'];

// Whether somebody works: what a page asks by itself keeps no session alive.
const kWorkMs = 60_000;
let lastWork = Date.now();
for (const event of ['pointerdown', 'keydown', 'wheel'])
  window.addEventListener(event, () => (lastWork = Date.now()), { capture: true, passive: true });

export const consoleHeader = () => ({ 'Mifeng-Console': Date.now() - lastWork < kWorkMs ? 'work' : 'refresh' });

// Told when the platform says that nobody is signed in any more.
let onSessionEnd: () => void = () => undefined;
export const whenSessionEnds = (act: () => void) => (onSessionEnd = act);
export const sessionEnds = () => onSessionEnd();

// An answer to what was asked before the last sign-in says nothing about the session that it began.
let signIns = 0;
const onSignIn = new Set<() => void>();
export function signedIn() {
  signIns += 1;
  for (const act of onSignIn) act();
}
export function whenSignedIn(act: () => void) {
  onSignIn.add(act);
  return () => onSignIn.delete(act);
}
const askedIn = new WeakMap<Request, number>();

async function send(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    heard();
    return response;
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === 'AbortError') throw failure;
    missed();
    throw new ApiError(0, 'unavailable', 'no-answer', 'The platform does not answer.');
  }
}

const client = createClient<paths>({ baseUrl: '/api/v1', fetch: send });
client.use({
  onRequest: ({ request }) => {
    for (const [name, value] of Object.entries(consoleHeader())) request.headers.set(name, value);
    askedIn.set(request, signIns);
    return request;
  },
  onResponse: ({ request, response }) => {
    const signingIn = request.method === 'POST' && new URL(request.url).pathname === '/api/v1/session';
    if (response.status === 401 && !signingIn && askedIn.get(request) === signIns) onSessionEnd();
    return undefined;
  },
});
export { client };

// A version as a field of the header has it, and back.
export const seen = ({ etag }: { etag: string }) => ({ 'If-Match': `"${etag}"` });
const etagOf = (response: Response | undefined) => response?.headers.get('ETag')?.replace(/^"|"$/g, '') ?? '';

export function errorOf(status: number, body: unknown, response?: Response): ApiError {
  const said = body as (Partial<Schemas['Error']> & { current?: object }) | undefined;
  const theirs = status === 412 && said?.current ? { current: said.current, etag: etagOf(response) } : undefined;
  return new ApiError(status, said?.code ?? 'internal', said?.reason ?? 'no-reason', said?.message ?? `HTTP ${status}`, theirs);
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}
// The body of an answer; a refusal is thrown.
export async function must<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw errorOf(response.status, error, response);
  return data as T;
}
// The same with its version, of what has no member for it.
export async function mustWithEtag<T extends object>(answer: Promise<Answer<T>>): Promise<T & { etag: string }> {
  const { response } = await answer;
  return { ...(await must(answer)), etag: etagOf(response) };
}
