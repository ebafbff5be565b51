// A dialog above the page: the browser's own, which keeps the focus within, closes on Escape and needs no style that
// the policy would have to let in.
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  open: boolean;
  close?: () => void; // none: it cannot be closed
  title: string;
  bare?: boolean; // the title is not to be seen
  children: ReactNode;
}

export function Sheet(props: Props) {
  return props.open ? <Open {...props} /> : null;
}

function Open({ close, title, bare, children }: Props) {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    if (!element) return undefined;
    if (!element.open) element.showModal();
    return () => element.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="sheet"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close?.();
      }}
    >
      <div className={bare ? 'hidden' : 'row apart sheet-head'}>
        <h2 id={id}>{title}</h2>
        {close && !bare && (
          <button type="button" className="copy" aria-label={t('act.close')} onClick={close}>
            <svg width="14" height="14" viewBox="0 0 16 16" stroke="currentColor" strokeWidth="1.5" aria-hidden>
              <path d="M3 3l10 10M13 3L3 13" />
            </svg>
          </button>
        )}
      </div>
      <div className="sheet-body">{children}</div>
    </dialog>
  );
}
