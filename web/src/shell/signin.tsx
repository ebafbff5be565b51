// Signing in: at the door, above a page whose session has ended, and the change of a first password.
import { Button, Input } from 'antd';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useSession } from '../api/session.tsx';
import { saidError } from '../i18n/said.ts';
import { Sheet } from '../ui/sheet.tsx';
import { Choices } from './choices.tsx';

function Form({ run, act, doing, children, error }: { run: () => Promise<void>; act: string; doing: string; children: ReactNode; error: unknown }) {
  const [busy, setBusy] = useState(false);
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (busy) return;
        setBusy(true);
        void run().finally(() => setBusy(false));
      }}
    >
      {children}
      {error !== null && (
        <div className="failure" role="alert">
          {saidError(error)}
        </div>
      )}
      <Button type="primary" htmlType="submit" block disabled={busy} style={{ marginTop: 24 }}>
        {busy ? doing : act}
      </Button>
    </form>
  );
}

function SignInForm({ lead, known }: { lead: ReactNode; known?: string }) {
  const { t } = useTranslation();
  const { signIn } = useSession();
  const [name, setName] = useState(known ?? '');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  return (
    <Form
      act={t('signin.act')}
      doing={t('signin.doing')}
      error={error}
      run={async () => {
        setError(null);
        try {
          await signIn(name.trim(), password);
        } catch (failure) {
          setError(failure);
        }
      }}
    >
      {lead}
      <label htmlFor={`${id}n`}>{t('signin.name')}</label>
      <Input id={`${id}n`} name="username" autoComplete="username" autoFocus={!known} required maxLength={64} value={name} onChange={(event) => setName(event.target.value)} />
      <label htmlFor={`${id}p`}>{t('signin.password')}</label>
      <Input.Password id={`${id}p`} name="password" autoComplete="current-password" autoFocus={Boolean(known)} required maxLength={256} value={password} onChange={(event) => setPassword(event.target.value)} />
    </Form>
  );
}

export function Door({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="door">
      <section className="left" aria-label={t('brand')}>
        <div className="brand">
          <Mark />
          {t('brand')}
        </div>
        <div>
          <h1>{t('door.title')}</h1>
          <p>{t('door.text')}</p>
        </div>
        <p className="note">{t('door.note')}</p>
      </section>
      <main className="right">
        <div className="choices">
          <Choices />
        </div>
        {children}
      </main>
    </div>
  );
}

export function Mark() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden>
      <rect width="20" height="20" rx="2" fill="var(--act)" />
      <path d="M3 7.5h14M3 12.5h14M10 3v14" stroke="var(--page)" strokeWidth="1.5" />
      <rect x="7.5" y="7.5" width="5" height="5" fill="var(--page)" />
    </svg>
  );
}

export function SignInPage() {
  const { t } = useTranslation();
  return (
    <Door>
      <SignInForm
        lead={
          <>
            <h1>{t('signin.title')}</h1>
            <p className="second">{t('signin.lead')}</p>
          </>
        }
      />
    </Door>
  );
}

// The page stays beneath, with all that was typed.
export function SignInAbove() {
  const { t } = useTranslation();
  const { ended, me } = useSession();
  return (
    <Sheet open={ended} title={t('signin.again')}>
      <div className="modal-form">
        <SignInForm lead={<p>{t('signin.again-lead')}</p>} known={me?.name ?? ''} />
      </div>
    </Sheet>
  );
}

export function FirstPassword() {
  const { t } = useTranslation();
  const { reload, signOut } = useSession();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  return (
    <Door>
      <Form
        act={t('password.act')}
        doing={t('password.doing')}
        error={error}
        run={async () => {
          setError(null);
          try {
            await must(client.PUT('/session/password', { body: { old_password: old, new_password: next } }));
            await reload();
          } catch (failure) {
            setError(failure);
          }
        }}
      >
        <h1>{t('password.title')}</h1>
        <p className="second">{t('password.lead')}</p>
        <label htmlFor={`${id}o`}>{t('password.old')}</label>
        <Input.Password id={`${id}o`} autoComplete="current-password" autoFocus required value={old} onChange={(event) => setOld(event.target.value)} />
        <label htmlFor={`${id}n`}>{t('password.new')}</label>
        <Input.Password id={`${id}n`} autoComplete="new-password" required minLength={12} maxLength={256} value={next} onChange={(event) => setNext(event.target.value)} />
        <div className="note">{t('password.rule')}</div>
      </Form>
      <Button type="link" onClick={() => void signOut()}>
        {t('act.sign-out')}
      </Button>
    </Door>
  );
}
