// Who is signed in, what they may do, and what happens when a session ends.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, createContext, useContext, useEffect, useMemo, useState } from 'react';
import { type Schemas, client, must, signedIn, whenSessionEnds } from './client.ts';
import { ApiError } from './error.ts';

export type Me = Schemas['Me'];
export type Permission = Schemas['Permission'];

interface Session {
  me: Me | null; // null: nobody
  ended: boolean; // a session that was there has ended; the page stays beneath the sign-in
  may: (permission: Permission) => boolean;
  signIn: (name: string, password: string) => Promise<void>;
  signOut: () => Promise<void>;
  reload: () => Promise<void>;
}
const Context = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error('no session provider');
  return session;
}
export function useMe(): Me {
  const { me } = useSession();
  if (!me) throw new Error('nobody is signed in');
  return me;
}

export function SessionProvider({ children, waiting }: { children: ReactNode; waiting: (failure: Error | null, again: () => void) => ReactNode }) {
  const queries = useQueryClient();
  const [ended, setEnded] = useState(false);
  const asked = useQuery<Me | null, Error>({
    queryKey: ['session'],
    queryFn: async () => {
      try {
        return await must(client.GET('/session'));
      } catch (failure) {
        if (failure instanceof ApiError && failure.status === 401) return null;
        throw failure;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const me = asked.data;
  useEffect(() => {
    whenSessionEnds(() => {
      if (queries.getQueryData(['session'])) setEnded(true);
    });
  }, [queries]);
  const session = useMemo<Session | null>(() => {
    if (me === undefined) return null;
    const permissions = new Set(me?.permissions ?? []);
    return {
      me,
      ended,
      may: (permission) => permissions.has(permission),
      signIn: async (name, password) => {
        await must(client.POST('/session', { body: { name, password, cookie: true } }));
        signedIn();
        const next = await must(client.GET('/session'));
        if (me && me.id !== next.id) {
          // Another person begins clean: nothing of the former one stays.
          sessionStorage.clear();
          window.location.assign('/');
          return;
        }
        queries.setQueryData(['session'], next);
        setEnded(false);
        await queries.invalidateQueries();
      },
      signOut: async () => {
        await must(client.DELETE('/session'));
        sessionStorage.clear();
        window.location.assign('/');
      },
      reload: async () => {
        await queries.invalidateQueries({ queryKey: ['session'] });
      },
    };
  }, [me, ended, queries]);
  if (!session) return waiting(asked.error, () => void asked.refetch());
  return <Context.Provider value={session}>{children}</Context.Provider>;
}
