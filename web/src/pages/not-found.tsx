import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { PageHead } from '../ui/parts.tsx';

export function NotFound() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  return (
    <>
      <PageHead title={t('notfound.title')} lead={t('notfound.text', { path: pathname.slice(0, 200) })} />
      <Link to="/">{t('notfound.home')}</Link>
    </>
  );
}
