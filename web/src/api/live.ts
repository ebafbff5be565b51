// How pages stay fresh. Until the platform has one stream of events for a browser, each query is asked again at a
// modest interval, and this is the only place that knows so.
import { type QueryKey, type UseQueryResult, keepPreviousData, useQuery } from '@tanstack/react-query';
import { ApiError } from './error.ts';

const kEveryMs = 3000;
const kRarelyMs = 30_000;

interface Options {
  rarely?: boolean; // what seldom changes by itself
  enabled?: boolean;
  keep?: boolean; // whether the former page's rows stay while the next are fetched
}

export function useLive<T>(key: QueryKey, ask: (signal: AbortSignal) => Promise<T>, options: Options = {}): UseQueryResult<T, Error> {
  return useQuery<T, Error>({
    queryKey: key,
    queryFn: ({ signal }) => ask(signal),
    refetchInterval: options.rarely ? kRarelyMs : kEveryMs,
    enabled: options.enabled ?? true,
    ...(options.keep ? { placeholderData: keepPreviousData } : {}),
  });
}

// What is asked again by itself: no answer, and an answer that says "not now".
export function retryGets(count: number, failure: Error): boolean {
  return count < 2 && failure instanceof ApiError && (failure.status === 0 || failure.status >= 502);
}
