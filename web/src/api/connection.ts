// Whether the platform answers, and since when it does not.
import { useSyncExternalStore } from 'react';

interface Connection {
  heardMs: number; // the last answer
  missedMs: number; // since when there is none; 0 while there is
}
let state: Connection = { heardMs: Date.now(), missedMs: 0 };
const listeners = new Set<() => void>();

function set(next: Connection) {
  state = next;
  for (const listener of listeners) listener();
}
export function heard() {
  const now = Date.now();
  if (state.missedMs !== 0) set({ heardMs: now, missedMs: 0 });
  else state.heardMs = now;
}
export function missed() {
  if (state.missedMs === 0) set({ ...state, missedMs: Date.now() });
}
export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
