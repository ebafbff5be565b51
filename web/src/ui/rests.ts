// What a change rests on, and what becomes of it where somebody else has changed the same thing meanwhile.

export interface Versioned {
  etag: string;
}
// The thing as it was when one began to change it, and as it is.
export interface On<T> {
  first: T;
  now: T;
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

// A form's input on top of what somebody else has made of the thing: what one left alone follows the thing.
export function merged<Input extends object>(first: Input, now: Input, mine: Input): Input {
  const before = first as Record<string, unknown>;
  const there = now as Record<string, unknown>;
  return Object.fromEntries(Object.entries(mine).map(([name, value]) => [name, same(value, before[name]) ? there[name] : value])) as Input;
}

// Something of a thing as people read it; `mine`: what one wants of it, where one wants anything.
export interface Field<T> {
  label: string;
  of: (one: T) => string;
  mine?: string | undefined;
}
export interface Difference {
  label: string;
  first: string;
  mine: string | undefined; // none where one left it alone
  theirs: string | undefined; // none where they did
  both: boolean; // and not to the same
}

export function differences<T>(fields: Field<T>[], on: On<T>): Difference[] {
  return fields
    .map(({ label, of, mine }) => {
      const [first, now] = [of(on.first), of(on.now)];
      const wanted = mine === first ? undefined : mine;
      const theirs = now === first ? undefined : now;
      return { label, first, mine: wanted, theirs, both: wanted !== undefined && theirs !== undefined && wanted !== theirs };
    })
    .filter((one) => one.mine !== undefined || one.theirs !== undefined);
}
