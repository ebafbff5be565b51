// A page that failed: what happened, and the ways on.
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link, useRouteError } from 'react-router';

export function Broken({ error, lost = false }: { error: Error; lost?: boolean }) {
  const { t } = useTranslation();
  return (
    <div className="failure" role="alert">
      <h1 style={{ marginTop: 0 }}>{t(lost ? 'broken.lost-title' : 'broken.title')}</h1>
      <p>{t(lost ? 'broken.lost-text' : 'broken.text')}</p>
      <pre>{error.message}</pre>
      <div className="row" style={{ marginTop: 8 }}>
        <Button onClick={() => window.location.reload()}>{t('broken.reload')}</Button>
        <Link to="/">{t('notfound.home')}</Link>
      </div>
    </div>
  );
}

// What the router caught: nearly always a page whose file did not come, because the platform was away or has another
// console by now.
export function RouteBroken() {
  const thrown = useRouteError();
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return <Broken error={error} lost={/import|module|fetch|preload/i.test(error.message)} />;
}
