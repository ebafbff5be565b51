// The dialogs of a list whose entries are added, changed, given a new secret and deleted: callers, people, routes.
import { type ComponentProps, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ChangeDialog, Dialog, Shown } from './dialog.tsx';
import { save } from './parts.tsx';
import type { Field, On, Versioned } from './rests.ts';

// What is asked of a person just now. `of`: the entry that is changed, as it was when he began; none: one is added.
export type Asks<One, Input> = { what: 'edit'; of?: One; input: Input } | { what: 'renew' | 'end'; of: One };

export interface Secret {
  title: string;
  note: string;
  value: string;
  file: string; // its name when it is saved
}
interface Words {
  title: string;
  act: string;
  text: string;
}

interface Props<One, Input> {
  asks: Asks<One, Input> | null;
  ask: (asks: Asks<One, Input> | null) => void;
  after: () => Promise<unknown>; // once something was done
  // Of entries that have versions: how people tell one from another; `input`: what one wants, while one edits.
  versions?: (input?: Input) => Field<One>[];
  edit: {
    words: (added: boolean, input: Input) => { title: string; act: string };
    complete: (input: Input) => boolean;
    fields: (input: Input, change: (changes: Partial<Input>) => void, added: boolean) => ReactNode;
    add: (input: Input) => Promise<Secret | undefined>;
    save?: (on: On<One>, input: Input) => Promise<unknown>;
  };
  renew?: { words: (of: One) => Words; run: (of: One) => Promise<Secret> };
  end: { words: (of: One) => Omit<Words, 'act'>; typed: (of: One) => string; run: (of: One) => Promise<unknown> };
}

// A dialog about an entry, with its version where it has one.
type About<One> = { of: One; fields: Field<One>[] | undefined; run: (on: On<One>) => Promise<unknown> } & Omit<ComponentProps<typeof Dialog>, 'run' | 'open'>;
function About<One>({ of, fields, run, ...rest }: About<One>) {
  if (fields === undefined) return <Dialog open {...rest} run={() => run({ first: of, now: of })} />;
  return <ChangeDialog open {...rest} of={of as One & Versioned} fields={fields} run={run} />;
}

export function EntryDialogs<One, Input extends object>({ asks, ask, after, versions, edit, renew, end }: Props<One, Input>) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<Secret | null>(null);
  const close = () => ask(null);
  const editing =
    asks?.what === 'edit'
      ? {
          close,
          ...edit.words(asks.of === undefined, asks.input),
          ready: edit.complete(asks.input),
          children: edit.fields(asks.input, (changes) => ask({ ...asks, input: { ...asks.input, ...changes } }), asks.of === undefined),
        }
      : null;
  return (
    <>
      {asks?.what === 'edit' && editing && asks.of === undefined && (
        <Dialog
          open
          {...editing}
          run={async () => {
            const made = await edit.add(asks.input);
            if (made) setSecret(made);
            await after();
          }}
        />
      )}
      {asks?.what === 'edit' && editing && asks.of !== undefined && (
        <About
          {...editing}
          of={asks.of}
          fields={versions?.(asks.input)}
          run={async (on) => {
            await edit.save?.(on, asks.input);
            await after();
          }}
        />
      )}
      {asks?.what === 'renew' && renew && (
        <About
          close={close}
          danger
          of={asks.of}
          fields={versions?.()}
          title={renew.words(asks.of).title}
          act={renew.words(asks.of).act}
          run={async (on) => {
            setSecret(await renew.run(on.now));
            await after();
          }}
        >
          <p>{renew.words(asks.of).text}</p>
        </About>
      )}
      {asks?.what === 'end' && (
        <About
          close={close}
          danger
          of={asks.of}
          fields={versions?.()}
          title={end.words(asks.of).title}
          act={t('act.delete')}
          typed={end.typed(asks.of)}
          run={async (on) => {
            await end.run(on.now);
            await after();
          }}
        >
          <p>{end.words(asks.of).text}</p>
        </About>
      )}
      {secret && <Shown open close={() => setSecret(null)} title={secret.title} note={secret.note} secret={secret.value} file={() => save(secret.file, `${secret.value}\n`, 'text/plain')} />}
    </>
  );
}
