// Whether the platform answers, since when it does not, and whether it tells what changes.
import { useSyncExternalStore } from 'react';

interface Connection {
  heardMs: number; // the last answer
  missedMs: number; // since when there is none; 0 while there is
  live: boolean; // whether what changes is told; until it is known, it is taken to be
}
let state: Connection = { heardMs: Date.now(), missedMs: 0, live: true };
const listeners = new Set<() => void>();

function set(next: Connection) {
  state = next;
  for (const listener of listeners) listener();
}
export function heard() {
  const now = Date.now();
  if (state.missedMs !== 0) set({ ...state, heardMs: now, missedMs: 0 });
  else state.heardMs = now;
}
export function missed() {
  if (state.missedMs === 0) set({ ...state, missedMs: Date.now() });
}
export function streams(live: boolean) {
  if (state.live !== live) set({ ...state, live });
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
