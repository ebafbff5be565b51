// Why items of a batch are refused or failed, folded: each cause once, with what can be done about all that have it.
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { asSentence, listed, said, saidCause, saidWhy } from '../i18n/said.ts';
import type { Cause } from './batch.ts';
import { type Kind, State } from './parts.tsx';

const kNames = 6;

export function Causes<Item>({ of, name, kind, nameOf, acts }: { of: Cause<Item>[]; name: string; kind: Kind; nameOf: (item: Item) => string; acts?: (cause: Cause<Item>) => ReactNode }) {
  const { t } = useTranslation();
  if (of.length === 0) return null;
  return (
    <ul className="causes" aria-label={name}>
      {of.map((cause) => {
        const names = listed(cause.items.slice(0, kNames).map(nameOf));
        return (
          <li key={cause.code}>
            <State kind={kind}>{t('batch.items', { count: cause.items.length })}</State>
            <span className="what">
              {cause.items.length === 1 ? saidWhy(cause.code, cause.message) : saidCause(cause.code, cause.message)}
              <span className="note">
                {cause.remedy !== '' && <>{asSentence(said(cause.remedy))} · </>}
                {cause.items.length > kNames ? t('batch.and-more', { names, count: cause.items.length - kNames }) : names}
              </span>
            </span>
            {acts?.(cause)}
          </li>
        );
      })}
    </ul>
  );
}
