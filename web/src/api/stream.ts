// The platform's stream of events, opened again whenever it breaks off. Not EventSource, which can neither say why it was
// refused nor see the comments by which a silent connection is told from a dead one.
import { FrameReader } from './frames.ts';
import type { components } from './schema.gen.ts';

export type Change = components['schemas']['ChangeEvent'];

export interface Listener {
  alive: () => void; // something came, be it a comment
  changed: (changes: Change[], id: string) => void;
  reset: (id: string) => void; // everything has to be asked for anew
  down: (answered: boolean) => void; // there is no stream now; whether the platform answered at all
  ended: () => void; // nobody is signed in any more
}

export interface Means {
  ask: (lastId: string, signal: AbortSignal) => Promise<Response>;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  quietMs: number; // a stream that is silent for longer is dead: a comment comes every 15 s
}

// How one connection ended.
type Outcome =
  | 'spoke' // it was there
  | 'no-answer'
  | 'silent' // it was opened, and something in between holds back what it says
  | 'refused'
  | 'signed-out';

const kRarelyMs = 60_000;
const kRetryMaxMs = 15_000;

export const sleep: Means['sleep'] = (ms, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });

export const kMeans: Means = {
  ask: (lastId, signal) =>
    fetch('/api/v1/events', { signal, cache: 'no-store', headers: lastId === '' ? {} : { 'Last-Event-ID': lastId } }),
  sleep,
  quietMs: 40_000,
};

// `place.id` is where it goes on, and is kept up to date. Until `signal`, or nobody is signed in.
export async function follow(to: Listener, place: { id: string }, signal: AbortSignal, means: Means = kMeans): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const outcome = await readOnce(to, place, signal, means);
    if (signal.aborted) return;
    if (outcome === 'signed-out') {
      to.ended();
      return;
    }
    failures = outcome === 'spoke' ? 0 : failures + 1;
    if (failures > 0) to.down(outcome !== 'no-answer');
    const soon = Math.min(kRetryMaxMs, 1000 * 2 ** Math.max(0, failures - 1));
    // Not all browsers at the same moment.
    await means.sleep((outcome === 'silent' || outcome === 'refused' ? kRarelyMs : soon) * (0.5 + Math.random() / 2), signal);
  }
}

async function readOnce(to: Listener, place: { id: string }, signal: AbortSignal, means: Means): Promise<Outcome> {
  const cut = new AbortController();
  const stop = () => cut.abort();
  signal.addEventListener('abort', stop, { once: true });
  let timer = setTimeout(stop, means.quietMs);
  let opened = false;
  let spoke = false;
  try {
    const response = await means.ask(place.id, cut.signal);
    if (response.status === 401) return 'signed-out';
    if (response.status >= 500) return 'no-answer';
    if (!response.ok || !response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) return 'refused';
    opened = true;
    const frames = new FrameReader();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      timer = setTimeout(stop, means.quietMs);
      spoke = true;
      to.alive();
      tell(to, place, frames, value);
    }
  } catch {
    // However it broke off, it is opened again.
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
  // Up to this moment everything would have come.
  if (spoke && !cut.signal.aborted) to.alive();
  cut.abort();
  return spoke ? 'spoke' : opened ? 'silent' : 'no-answer';
}

function tell(to: Listener, place: { id: string }, frames: FrameReader, text: string) {
  const changes: Change[] = [];
  let reset = false;
  for (const frame of frames.push(text)) {
    if (frame.event === 'change') changes.push(JSON.parse(frame.data) as Change);
    // All that came before it is in what is asked for.
    else if (frame.event === 'reset') reset = true;
  }
  if (frames.id !== '') place.id = frames.id;
  if (reset) to.reset(place.id);
  else if (changes.length > 0) to.changed(changes, place.id);
}
