// The dialogs of a list whose entries are added, changed, given a new secret and deleted: callers, people, routes.
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog, Shown } from './dialog.tsx';
import { save } from './parts.tsx';

// What is asked of a person just now.
export type Asks<One, Input> = { what: 'edit'; id: string; input: Input } | { what: 'renew' | 'end'; of: One };

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
  edit: {
    words: (added: boolean, input: Input) => { title: string; act: string };
    complete: (input: Input) => boolean;
    fields: (input: Input, change: (changes: Partial<Input>) => void, added: boolean) => ReactNode;
    save: (id: string, input: Input) => Promise<Secret | undefined>; // without an id: added
  };
  renew?: { words: (of: One) => Words; run: (of: One) => Promise<Secret> };
  end: { words: (of: One) => Omit<Words, 'act'>; typed: (of: One) => string; run: (of: One) => Promise<unknown> };
}

export function EntryDialogs<One, Input extends object>({ asks, ask, after, edit, renew, end }: Props<One, Input>) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<Secret | null>(null);
  const close = () => ask(null);
  return (
    <>
      {asks?.what === 'edit' && (
        <Dialog
          open
          close={close}
          {...edit.words(asks.id === '', asks.input)}
          ready={edit.complete(asks.input)}
          run={async () => {
            const made = await edit.save(asks.id, asks.input);
            if (made) setSecret(made);
            await after();
          }}
        >
          {edit.fields(asks.input, (changes) => ask({ ...asks, input: { ...asks.input, ...changes } }), asks.id === '')}
        </Dialog>
      )}
      {asks?.what === 'renew' && renew && (
        <Dialog
          open
          close={close}
          danger
          title={renew.words(asks.of).title}
          act={renew.words(asks.of).act}
          run={async () => {
            setSecret(await renew.run(asks.of));
            await after();
          }}
        >
          <p>{renew.words(asks.of).text}</p>
        </Dialog>
      )}
      {asks?.what === 'end' && (
        <Dialog
          open
          close={close}
          danger
          title={end.words(asks.of).title}
          act={t('act.delete')}
          typed={end.typed(asks.of)}
          run={async () => {
            await end.run(asks.of);
            await after();
          }}
        >
          <p>{end.words(asks.of).text}</p>
        </Dialog>
      )}
      {secret && <Shown open close={() => setSecret(null)} title={secret.title} note={secret.note} secret={secret.value} file={() => save(secret.file, `${secret.value}\n`, 'text/plain')} />}
    </>
  );
}
