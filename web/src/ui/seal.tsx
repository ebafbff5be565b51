// 封条, the strip of evidence: signed, sealed for us, accepted, granted, opened by the gateway, each with its proof.
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

export interface Step {
  key: 'signed' | 'sealed' | 'accepted' | 'granted' | 'opened';
  state: 'done' | 'open' | 'not';
  proof?: ReactNode;
}

export function SealStrip({ steps }: { steps: Step[] }) {
  const { t } = useTranslation();
  const marks = { done: '✓', open: '', not: '✕' };
  return (
    <section className="seal" aria-label={t('seal.title')} tabIndex={0}>
      <span className="name">{t('seal.title')}</span>
      <ol>
        {steps.map((step) => (
          <li key={step.key} className={step.state}>
            <div className="mark">
              <span className="dot" aria-hidden>
                {marks[step.state]}
              </span>
              {t(`seal.${step.key}`)}
              <span className="hidden">{t(`seal.is-${step.state}`)}</span>
            </div>
            {step.proof !== undefined && <div className="proof">{step.proof}</div>}
          </li>
        ))}
      </ol>
    </section>
  );
}
