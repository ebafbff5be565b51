import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import en from './en.json';
import zh from './zh.json';

export type Language = 'zh' | 'en';
const kKept = 'mifeng.language';

function first(): Language {
  const kept = localStorage.getItem(kKept);
  if (kept === 'zh' || kept === 'en') return kept;
  // Chinese, unless the browser wants English before it.
  for (const wanted of navigator.languages) {
    if (wanted.startsWith('zh')) return 'zh';
    if (wanted.startsWith('en')) return 'en';
  }
  return 'zh';
}

function apply(language: Language) {
  // Without it Han characters come out in their Japanese forms.
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
}

export function setLanguage(language: Language) {
  localStorage.setItem(kKept, language);
  apply(language);
  void i18next.changeLanguage(language);
}

const language = first();
apply(language);
void i18next.use(initReactI18next).init({
  lng: language,
  resources: { zh: { translation: zh }, en: { translation: en } },
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  returnNull: false,
});

export const isChinese = () => i18next.language === 'zh';
export default i18next;
