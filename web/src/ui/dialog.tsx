// Dialogs that ask before something is done: plainly, for a reason, or for the name of what is destroyed.
import { Button, Input } from 'antd';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/error.ts';
import { saidError } from '../i18n/said.ts';
import { Collision } from './collision.tsx';
import type { Field, On, Versioned } from './rests.ts';
import { Sheet } from './sheet.tsx';

interface Common {
  open: boolean;
  close: () => void;
  title: string;
  act: string; // on the button
  doing?: string; // on the button while it is done
  danger?: boolean;
  children?: ReactNode;
  typed?: string; // what has to be typed
  reason?: string; // label of a reason that has to be given
  ready?: boolean; // whether the form inside is complete
}
interface Ask extends Common {
  run: (reason: string) => Promise<unknown>;
}

interface Frame extends Ask {
  above?: ReactNode;
  cancel?: string; // on the other button
  took?: (failure: unknown) => boolean; // whether a failure is told otherwise than as one
}
function DialogFrame({ open, close, title, act, doing, danger, children, typed, reason, ready = true, run, above, cancel, took }: Frame) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  const complete = ready && (typed === undefined || text === typed) && (reason === undefined || text.trim() !== '');
  const done = () => {
    setText('');
    setError(null);
    close();
  };
  const submit = async () => {
    if (!complete || busy) return;
    setBusy(true);
    setError(null);
    try {
      await run(text.trim());
      done();
    } catch (failure) {
      if (!took?.(failure)) setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet open={open} close={done} title={title}>
      <form
        className="modal-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {above}
        {children}
        {typed !== undefined && (
          <>
            <label htmlFor={id}>{t('dialog.type', { name: typed })}</label>
            <Input id={id} value={text} autoComplete="off" onChange={(event) => setText(event.target.value)} />
          </>
        )}
        {reason !== undefined && (
          <>
            <label htmlFor={id}>{reason}</label>
            <Input.TextArea id={id} value={text} maxLength={500} rows={3} onChange={(event) => setText(event.target.value)} />
          </>
        )}
        {error !== null && (
          <div className="failure" role="alert">
            {saidError(error)}
          </div>
        )}
        <div className="row" style={{ justifyContent: 'flex-end', marginTop: 16 }}>
          <Button onClick={done}>{cancel ?? t('act.cancel')}</Button>
          <Button type="primary" htmlType="submit" danger={danger ?? false} disabled={!complete || busy}>
            {busy ? (doing ?? t('act.doing')) : act}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

export function Dialog(props: Ask) {
  return <DialogFrame {...props} />;
}

interface Change<T> extends Common {
  of: T;
  fields: Field<T>[]; // by which people tell one version from another
  run: (on: On<T>, reason: string) => Promise<unknown>;
}
// Of what more than one may change: it is sent with the version that was shown when the dialog opened. Where somebody
// else has changed it meanwhile both changes are shown, and one goes on with one's own or takes theirs.
export function ChangeDialog<T extends Versioned>({ of, fields, run, ...rest }: Change<T>) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  // As it was when the dialog opened: what comes in live has not been looked at.
  const [first, setFirst] = useState<T | null>(null);
  const [theirs, setTheirs] = useState<T | null>(null);
  if (rest.open && first === null) setFirst(of);
  if (!rest.open && first !== null) {
    setFirst(null);
    setTheirs(null);
  }
  const took = (failure: unknown) => {
    if (!(failure instanceof ApiError) || !failure.theirs) return false;
    setTheirs({ ...failure.theirs.current, etag: failure.theirs.etag } as T);
    void queries.invalidateQueries();
    return true;
  };
  return (
    <DialogFrame
      {...rest}
      {...(theirs ? { act: t('collision.go-on'), cancel: t('collision.take'), above: <Collision fields={fields} on={{ first: first ?? of, now: theirs }} /> } : {})}
      run={(reason) => run({ first: first ?? of, now: theirs ?? first ?? of }, reason)}
      took={took}
    />
  );
}

// A secret that is shown this once: offered as a file first.
export function Shown({ open, close, title, note, secret, file }: { open: boolean; close: () => void; title: string; note: string; secret: string; file: () => void }) {
  const { t } = useTranslation();
  return (
    <Sheet open={open} close={close} title={title}>
      <p>{note}</p>
      <pre>{secret}</pre>
      <div className="row" style={{ justifyContent: 'flex-end', marginTop: 16 }}>
        <Button onClick={() => void navigator.clipboard.writeText(secret)}>{t('act.copy')}</Button>
        <Button type="primary" onClick={file}>
          {t('act.save-file')}
        </Button>
        <Button onClick={close}>{t('act.done')}</Button>
      </div>
    </Sheet>
  );
}
