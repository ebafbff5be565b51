// What was typed into a form stays for this tab, by person and form, until it was sent or thrown away. No secrets.
import { useCallback, useState } from 'react';
import { useMe } from '../api/session.tsx';

const keyOf = (person: string, form: string) => `draft ${person} ${form}`;
// A form was sent from another page than its own.
export const dropDraft = (person: string, form: string) => sessionStorage.removeItem(keyOf(person, form));

export function useDraft<T extends object>(form: string, first: T) {
  const me = useMe();
  const key = keyOf(me.id, form);
  const [state, setState] = useState<{ draft: T; restored: boolean }>(() => {
    try {
      const kept = sessionStorage.getItem(key);
      if (kept !== null) return { draft: { ...first, ...(JSON.parse(kept) as Partial<T>) }, restored: true };
    } catch {
      sessionStorage.removeItem(key);
    }
    return { draft: first, restored: false };
  });
  const change = useCallback(
    (changes: Partial<T>) =>
      setState((former) => {
        const draft = { ...former.draft, ...changes };
        sessionStorage.setItem(key, JSON.stringify(draft));
        return { draft, restored: false };
      }),
    [key],
  );
  const discard = () => {
    sessionStorage.removeItem(key);
    setState({ draft: first, restored: false });
  };
  return { ...state, change, discard };
}
