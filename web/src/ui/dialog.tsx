// Dialogs that ask before something is done: plainly, for a reason, or for the name of what is destroyed.
import { Button, Input } from 'antd';
import { type ReactNode, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { saidError } from '../i18n/said.ts';
import { Sheet } from './sheet.tsx';

interface Props {
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
  run: (reason: string) => Promise<unknown>;
}

export function Dialog({ open, close, title, act, doing, danger, children, typed, reason, ready = true, run }: Props) {
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
      setError(failure);
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
          <Button onClick={done}>{t('act.cancel')}</Button>
          <Button type="primary" htmlType="submit" danger={danger ?? false} disabled={!complete || busy}>
            {busy ? (doing ?? t('act.doing')) : act}
          </Button>
        </div>
      </form>
    </Sheet>
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
