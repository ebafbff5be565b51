import { expect, test } from 'vitest';
import type { Means } from './stream.ts';
import { type Browser, joinTabs } from './tabs.ts';

// A browser with one lock and one channel, and a platform whose streams the test speaks on.
class Fake {
  streams: { lastId: string; say: (text: string) => void; open: boolean }[] = [];
  status = 200;
  #channels = new Set<Parameters<Browser['channel']>[0]>();
  #holder: Promise<void> = Promise.resolve();

  browser(): Browser {
    return {
      lock: (lead, signal) => {
        const mine = this.#holder.then(() => (signal.aborted ? undefined : lead()));
        this.#holder = mine;
        return mine;
      },
      channel: (hear) => {
        this.#channels.add(hear);
        return {
          post: (told) => {
            for (const other of this.#channels) if (other !== hear) other(structuredClone(told));
          },
          close: () => this.#channels.delete(hear),
        };
      },
    };
  }
  means: Means = {
    ask: async (lastId, signal) => {
      if (this.status !== 200) return new Response('{}', { status: this.status });
      const entry = { lastId, say: (_: string) => undefined as void, open: true };
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          entry.say = (text) => controller.enqueue(new TextEncoder().encode(text));
          signal.addEventListener('abort', () => {
            entry.open = false;
            controller.error(new Error('cut'));
          });
        },
      });
      this.streams.push(entry);
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
    },
    sleep: () => new Promise((done) => setTimeout(done, 1)),
    quietMs: 10_000,
  };
  tab() {
    const told: string[] = [];
    const tab = joinTabs(
      {
        alive: () => undefined,
        changed: (changes) => told.push(...changes.map((one) => `${one.kind} ${one.id}`)),
        reset: () => told.push('reset'),
        down: () => told.push('down'),
        ended: () => told.push('ended'),
      },
      this.browser(),
      this.means,
    );
    return { told, ...tab };
  }
}
// For what must not happen; what must is waited for.
const settle = () => new Promise((done) => setTimeout(done, 20));
const change = (id: string, place: string) => `id: ${place}\nevent: change\ndata: {"kind":"routes","id":"${id}","time_ms":1}\n\n`;

test('one stream over all tabs, and another tab takes over where the first left off', async () => {
  const fake = new Fake();
  const [first, second, third] = [fake.tab(), fake.tab(), fake.tab()];
  await expect.poll(() => fake.streams.length).toBe(1);
  await settle();
  expect(fake.streams.length).toBe(1);
  fake.streams[0]?.say('id: p1\nevent: reset\ndata: {}\n\n');
  fake.streams[0]?.say(change('rt-1', 'p2'));
  for (const tab of [first, second, third]) await expect.poll(() => tab.told).toEqual(['reset', 'routes rt-1']);
  first.stop();
  await expect.poll(() => fake.streams.map((one) => one.open)).toEqual([false, true]);
  expect(fake.streams[1]?.lastId).toBe('p2');
  fake.streams[1]?.say(change('rt-2', 'p3'));
  for (const tab of [second, third]) await expect.poll(() => tab.told.at(-1)).toBe('routes rt-2');
  expect(first.told.length).toBe(2);
  // One that waits and goes leaves the others alone.
  third.stop();
  await settle();
  expect(fake.streams.length).toBe(2);
  second.stop();
});

test('the end of a session reaches every tab, and a sign-in in any of them begins anew', async () => {
  const fake = new Fake();
  fake.status = 401;
  const [first, second] = [fake.tab(), fake.tab()];
  for (const tab of [first, second]) await expect.poll(() => tab.told).toEqual(['ended']);
  expect(fake.streams.length).toBe(0);
  fake.status = 200;
  second.signedIn();
  await expect.poll(() => fake.streams.length).toBe(1);
  fake.streams[0]?.say(change('rt-1', 'p1'));
  for (const tab of [first, second]) await expect.poll(() => tab.told).toEqual(['ended', 'routes rt-1']);
  first.stop();
  second.stop();
});
