// /go/ANY-ID leads to the page of what has that id.
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useParams } from 'react-router';
import { client, must } from '../api/client.ts';
import { ApiError } from '../api/error.ts';
import { useSession } from '../api/session.tsx';
import { pageOf } from '../ui/found.ts';
import { Bones, Failure, PageHead } from '../ui/parts.tsx';

export default function Go() {
  const { t } = useTranslation();
  const { may } = useSession();
  const { '*': id = '' } = useParams();
  const plan = id.startsWith('bp-'); // which is kept for a while, and in no table
  const asked = useQuery({ queryKey: ['go', id], enabled: !plan, queryFn: ({ signal }) => must(client.GET('/search/{id}', { signal, params: { path: { id } } })) });
  if (plan) return <Navigate to={`/batches/${encodeURIComponent(id)}`} replace />;
  if (asked.data) return <Navigate to={pageOf(asked.data, may)} replace />;
  const nothing = asked.error instanceof ApiError && asked.error.status === 404;
  return (
    <>
      <PageHead title={t('go.title')} {...(nothing ? { lead: t('go.nothing', { id: id.slice(0, 200) }) } : {})} />
      {nothing ? <Link to="/">{t('notfound.home')}</Link> : asked.error ? <Failure error={asked.error} again={() => void asked.refetch()} /> : <Bones rows={3} />}
    </>
  );
}
