// One stream over all tabs of a browser: the tab that holds a lock reads it, the others hear it over a channel. A browser
// opens six connections to a host, and a console is used in more tabs than that.
import { type Change, type Listener, type Means, follow, kMeans } from './stream.ts';

const kName = 'mifeng-events';

type Told =
  | { what: 'alive' }
  | { what: 'changed'; changes: Change[]; id: string }
  | { what: 'reset'; id: string }
  | { what: 'down'; answered: boolean }
  | { what: 'ended' }
  | { what: 'signed-in' };

interface Channel {
  post: (told: Told) => void;
  close: () => void;
}
export interface Browser {
  // Waits until no other tab holds it, holds it while `lead` runs. Rejects when `signal` comes first.
  lock: (lead: () => Promise<void>, signal: AbortSignal) => Promise<void>;
  channel: (hear: (told: Told) => void) => Channel; // to and from the other tabs
}

const kBrowser: Browser = {
  // Without locks, as on a page that is not secure, each tab reads for itself.
  lock: async (lead, signal) => {
    if ('locks' in navigator) await navigator.locks.request(kName, { signal }, lead);
    else await lead();
  },
  channel: (hear) => {
    const channel = new BroadcastChannel(kName);
    channel.onmessage = ({ data }: MessageEvent<Told>) => hear(data);
    return { post: (told) => channel.postMessage(told), close: () => channel.close() };
  },
};

export interface Tab {
  signedIn: () => void; // somebody has signed in again in this tab
  stop: () => void;
}

export function joinTabs(own: Listener, browser: Browser = kBrowser, means: Means = kMeans): Tab {
  const stop = new AbortController();
  const place = { id: '' };
  let again: () => void = () => undefined;

  const hear = (told: Told) => {
    if (told.what === 'alive') own.alive();
    else if (told.what === 'down') own.down(told.answered);
    else if (told.what === 'ended') own.ended();
    else if (told.what === 'signed-in') again();
    else {
      // Where this tab goes on, should it be the next that reads.
      place.id = told.id;
      if (told.what === 'reset') own.reset(told.id);
      else own.changed(told.changes, told.id);
    }
  };
  const channel = browser.channel(hear);
  const tell = (told: Told) => {
    hear(told);
    channel.post(told);
  };

  const toAll: Listener = {
    alive: () => tell({ what: 'alive' }),
    changed: (changes, id) => tell({ what: 'changed', changes, id }),
    reset: (id) => tell({ what: 'reset', id }),
    down: (answered) => tell({ what: 'down', answered }),
    ended: () => tell({ what: 'ended' }),
  };
  const lead = async () => {
    while (!stop.signal.aborted) {
      const signedIn = new Promise<void>((done) => {
        again = done;
        stop.signal.addEventListener('abort', () => done(), { once: true });
      });
      await follow(toAll, place, stop.signal, means);
      await signedIn;
    }
  };
  browser.lock(lead, stop.signal).catch(() => undefined); // stopped while it waited
  return {
    signedIn: () => tell({ what: 'signed-in' }),
    stop: () => {
      stop.abort();
      channel.close();
    },
  };
}
