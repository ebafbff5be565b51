// What the platform said, in the language of whoever reads.
import phrases from '../../../spec/messages/phrases.json';
import reasons from '../../../spec/messages/reasons.json';
import words from '../../../spec/messages/words.json';
import { Catalogue } from './catalogue.ts';
import i18next, { isChinese } from './index.ts';
import { ApiError } from '../api/error.ts';

const catalogue = new Catalogue(phrases, reasons, words);

export function said(sentence: string): string {
  return isChinese() ? catalogue.sentence(sentence) : sentence;
}

export function saidError(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.reason === 'no-answer') return i18next.t('error.no-answer');
    return isChinese() ? catalogue.error(error.reason, error.message) : error.message;
  }
  return i18next.t('error.unexpected', { message: error instanceof Error ? error.message : String(error) });
}
