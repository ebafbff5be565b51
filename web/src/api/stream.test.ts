import { expect, test } from 'vitest';
import { type Change, type Means, follow } from './stream.ts';

const change = (id: string): Change => ({ kind: 'routes', id, time_ms: 1 });
const said = (id: string, place: string) => `id: ${place}\nevent: change\ndata: ${JSON.stringify(change(id))}\n\n`;
const stream = (...pieces: string[]) =>
  new Response(new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  }), { headers: { 'Content-Type': 'text/event-stream' } });
const silent = (signal: AbortSignal) =>
  new Response(new ReadableStream({ start: (controller) => signal.addEventListener('abort', () => controller.error(new Error('cut'))) }), {
    headers: { 'Content-Type': 'text/event-stream' },
  });

// Follows through these answers, then is stopped; what the listener was told, the ids that were asked with, the waits.
async function through(...answers: ((signal: AbortSignal) => Response)[]) {
  const stop = new AbortController();
  const [told, asked, waits]: [string[], string[], number[]] = [[], [], []];
  const means: Means = {
    ask: async (lastId, signal) => {
      asked.push(lastId);
      const next = answers.shift();
      if (!next) {
        stop.abort();
        throw new Error('no more');
      }
      return next(signal);
    },
    sleep: async (ms) => void waits.push(ms),
    quietMs: 500,
  };
  const place = { id: '' };
  await follow(
    {
      alive: () => told.at(-1) !== 'alive' && told.push('alive'),
      changed: (changes) => told.push('changed ' + changes.map((one) => one.id).join(' ')),
      reset: () => told.push('reset'),
      down: (answered) => told.push(answered ? 'down, answered' : 'down'),
      ended: () => told.push('ended'),
    },
    place,
    stop.signal,
    means,
  );
  return { told, asked, waits, place };
}

test('tells what changes, and goes on where it was cut off', async () => {
  const { told, asked, waits, place } = await through(
    () => stream('retry: 3000\n\n', 'id: p1\nevent: reset\ndata: {}\n\n', said('rt-1', 'p2') + said('rt-2', 'p3')),
    () => stream(':\nid: p4\n\n'),
  );
  expect(told.filter((one) => one !== 'alive')).toEqual(['reset', 'changed rt-1 rt-2']);
  expect(asked).toEqual(['', 'p3', 'p4']);
  expect(place.id).toBe('p4');
  expect(waits.every((ms) => ms <= 1000)).toBe(true);
});

test('what stands before a reset in one piece needs no telling', async () => {
  const { told } = await through(() => stream(said('rt-1', 'p1') + 'id: p2\nevent: reset\ndata: {}\n\n' + said('rt-2', 'p3')));
  expect(told).toEqual(['alive', 'reset', 'alive']);
});

test('a session that has ended ends it', async () => {
  const { told, asked } = await through(
    () => stream('event: end\ndata: {"reason":"bad-token"}\n\n'),
    () => new Response('{}', { status: 401 }),
    () => stream(),
  );
  expect(told).toEqual(['alive', 'ended']);
  expect(asked.length).toBe(2);
});

test('a platform that does not answer is asked again, ever later', async () => {
  const gone = () => {
    throw new TypeError('fetch failed');
  };
  const { told, waits } = await through(gone, gone, gone, gone, gone, gone, gone, () => new Response('', { status: 503 }), () => stream(':\n\n'));
  expect(told).toEqual([...Array<string>(8).fill('down'), 'alive']);
  const most = [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000];
  most.forEach((ms, at) => expect(waits[at]).toBeLessThanOrEqual(ms));
  most.forEach((ms, at) => expect(waits[at]).toBeGreaterThanOrEqual(ms / 2));
});

test('where something holds the answer back, or refuses it, pages are not live', async () => {
  const { told, waits } = await through(silent, () => new Response('{}', { status: 429 }), () => new Response('<p>', { headers: { 'Content-Type': 'text/html' } }));
  expect(told).toEqual(['down, answered', 'down, answered', 'down, answered']);
  expect(waits.every((ms) => ms >= 30_000 && ms <= 60_000)).toBe(true);
});

test('a stream that falls silent is opened again', async () => {
  const { told, asked } = await through((signal) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('id: p1\nevent: reset\ndata: {}\n\n'));
        signal.addEventListener('abort', () => controller.error(new Error('cut')));
      },
    });
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
  });
  expect(told).toEqual(['alive', 'reset']);
  expect(asked).toEqual(['', 'p1']);
});
