// What this tab knows of a plan beyond the plan itself: the wishes it was made of, what was taken out of it, and which plan
// it came in place of. A plan that was made elsewhere is shown without.
import { type Wishes, kNothing } from './batch.ts';

export interface Kept {
  wishes: Wishes;
  out: string[]; // keys of items (keyOf of batch.ts)
  from: string; // id of the plan that did not hold any more
  said: string; // what the platform said of that
}
const kPlans = 4;
const begin = (person: string) => `plan ${person} `;

export function recallPlan(person: string, id: string): Kept | null {
  try {
    const text = sessionStorage.getItem(begin(person) + id);
    if (text === null) return null;
    const kept = JSON.parse(text) as Kept;
    return { ...kept, wishes: { ...kNothing, ...kept.wishes } };
  } catch {
    return null;
  }
}

export function keepPlan(person: string, id: string, kept: Kept) {
  const key = begin(person) + id;
  sessionStorage.removeItem(key);
  // Each is as long as its list: the newest few are enough.
  const order = 'plans';
  const plans = (sessionStorage.getItem(order) ?? '').split('\n').filter((one) => one !== '' && one !== key);
  for (const former of plans.splice(0, Math.max(0, plans.length - kPlans + 1))) sessionStorage.removeItem(former);
  sessionStorage.setItem(order, [...plans, key].join('\n'));
  sessionStorage.setItem(key, JSON.stringify(kept));
}
