// Which queries a change is news for.
import type { QueryKey } from '@tanstack/react-query';
import type { Change } from './stream.ts';

type Kind = Change['kind'];

interface Source {
  kinds: readonly Kind[];
  id?: number; // where in the query's key the id stands with which changes are told; anything else there means all
  outside?: true; // it also shows what no event tells, such as what an engine says when it is asked, or a plan
}
// By the first word of a query's key.
export const kSources: Record<string, Source> = {
  deployments: { kinds: ['deployments', 'units'] },
  deployment: { kinds: ['deployments', 'units'], id: 1 },
  revisions: { kinds: ['deployments'], id: 1 },
  events: { kinds: ['deployments', 'units'], id: 1, outside: true },
  'update-plan': { kinds: ['deployments', 'models', 'ports', 'clusters'] },
  batches: { kinds: ['batches'] },
  batch: { kinds: ['batches'], id: 1 },
  'batch-plan': { kinds: ['batches'], outside: true },
  models: { kinds: ['models'] },
  model: { kinds: ['models'], id: 1 },
  version: { kinds: ['models'] },
  configs: { kinds: ['models'] },
  images: { kinds: ['models'] },
  vendors: { kinds: ['vendors'] },
  vendor: { kinds: ['vendors'], id: 1 },
  clusters: { kinds: ['clusters'], outside: true },
  cluster: { kinds: ['clusters'], id: 1, outside: true },
  ports: { kinds: ['ports', 'deployments'], outside: true },
  routes: { kinds: ['routes'] },
  route: { kinds: ['routes'], id: 1 },
  callers: { kinds: ['callers'] },
  gateways: { kinds: ['gateways'], outside: true },
  keys: { kinds: ['keys'] },
  card: { kinds: ['keys'], outside: true },
  instances: { kinds: ['instances'], outside: true },
  people: { kinds: ['people'] },
  session: { kinds: ['people'] },
  sessions: { kinds: ['sessions'] },
  tokens: { kinds: ['tokens'] },
  audit: { kinds: ['audit'] },
  usage: { kinds: [], outside: true },
  system: { kinds: ['clusters'], outside: true },
};

export function concerns(key: QueryKey, change: Change): boolean {
  const source = kSources[String(key[0])];
  if (!source?.kinds.includes(change.kind)) return false;
  const id = source.id === undefined ? '' : key[source.id];
  return typeof id !== 'string' || id === '' || change.id === '' || id === change.id;
}

// Asks anew for what changes are about: one round after the other, so that a query that is slower than the changes come
// still ends.
export class Refresher {
  readonly #ask: (about: (key: QueryKey) => boolean) => Promise<unknown>;
  readonly #sleep: (ms: number) => Promise<unknown>;
  #changes: Change[] = [];
  #all = false;
  #running = false;

  constructor(ask: (about: (key: QueryKey) => boolean) => Promise<unknown>, sleep: (ms: number) => Promise<unknown>) {
    this.#ask = ask;
    this.#sleep = sleep;
  }

  changed(changes: Change[]) {
    this.#changes.push(...changes);
    void this.#run();
  }
  reset() {
    this.#all = true;
    void this.#run();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#all || this.#changes.length > 0) {
      const [changes, all] = [this.#changes, this.#all];
      this.#changes = [];
      this.#all = false;
      await this.#ask((key) => all || changes.some((change) => concerns(key, change))).catch(() => undefined);
      await this.#sleep(kApartMs);
    }
    this.#running = false;
  }
}
const kApartMs = 250;
