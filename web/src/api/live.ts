// How pages stay fresh: the platform's events say what to ask for anew, and nothing is asked for again and again. Where
// no stream can be had it is asked for once a minute; what no event tells, every half.
import { type QueryKey, type UseQueryResult, keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Refresher, kSources } from './changes.ts';
import { sessionEnds, whenSignedIn } from './client.ts';
import { heard, missed, streams, useConnection } from './connection.ts';
import { ApiError } from './error.ts';
import { sleep } from './stream.ts';
import { joinTabs } from './tabs.ts';

const kNoStreamMs = 60_000;
const kOutsideMs = 30_000;

interface Options {
  enabled?: boolean;
  keep?: boolean; // whether the former page's rows stay while the next are fetched
}

export function useLive<T>(key: QueryKey, ask: (signal: AbortSignal) => Promise<T>, options: Options = {}): UseQueryResult<T, Error> {
  const { live } = useConnection();
  return useQuery<T, Error>({
    queryKey: key,
    queryFn: ({ signal }) => ask(signal),
    refetchInterval: !live ? kNoStreamMs : kSources[String(key[0])]?.outside ? kOutsideMs : false,
    enabled: options.enabled ?? true,
    ...(options.keep ? { placeholderData: keepPreviousData } : {}),
  });
}

// Of the frame, once: while somebody is signed in.
export function useEvents() {
  const queries = useQueryClient();
  useEffect(() => {
    const never = new AbortController().signal;
    const refresher = new Refresher(
      // What a hidden tab shows is asked for when it is looked at.
      (about) => queries.invalidateQueries({ predicate: ({ queryKey }) => about(queryKey), refetchType: document.hidden ? 'none' : 'active' }),
      (ms) => sleep(ms, never),
    );
    const tab = joinTabs({
      alive: () => (heard(), streams(true)),
      changed: (changes) => refresher.changed(changes),
      reset: () => refresher.reset(),
      down: (answered) => (answered ? heard() : missed(), streams(false)),
      ended: sessionEnds,
    });
    const forget = whenSignedIn(tab.signedIn);
    // A page out of the browser's cache has heard nothing.
    const back = (event: PageTransitionEvent) => event.persisted && refresher.reset();
    window.addEventListener('pageshow', back);
    return () => {
      window.removeEventListener('pageshow', back);
      forget();
      tab.stop();
    };
  }, [queries]);
}

// What is asked again by itself: no answer, and an answer that says "not now".
export function retryGets(count: number, failure: Error): boolean {
  return count < 2 && failure instanceof ApiError && (failure.status === 0 || failure.status >= 502);
}
