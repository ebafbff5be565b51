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

export const listed = (names: string[]): string => names.join(isChinese() ? '、' : ', ');

// What the platform says as part of a sentence, standing by itself.
export const asSentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

// Why something is refused or failed: a stable word and a sentence.
export function saidWhy(code: string, message: string): string {
  if (!isChinese()) return message || code;
  return catalogue.error(code, message) || code;
}
// The same of several: without what the sentence says of one of them.
export function saidCause(code: string, message: string): string {
  return (isChinese() ? catalogue.reason(code) : undefined) ?? said(message || code);
}

export function saidError(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.reason === 'no-answer') return i18next.t('error.no-answer');
    return isChinese() ? catalogue.error(error.reason, error.message) : error.message;
  }
  return i18next.t('error.unexpected', { message: error instanceof Error ? error.message : String(error) });
}
