// Calls and errors over time, and which deployments they were of.
import { Select } from 'antd';
import { Suspense, lazy, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { groups } from '../ui/format.ts';
import { Bones, Loaded } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { type Span, askedOf, kSpans, spanOf, stepLabel } from '../ui/usage-steps.ts';

const Lines = lazy(() => import('../ui/line.tsx'));
const kShown = 10;
const eastOf = (ms: number) => -new Date(ms).getTimezoneOffset();
const asked = (span: Span) => askedOf(span, Date.now(), eastOf(Date.now()));

export function Calls() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const span = spanOf(params.get('span'));
  const series = useLive(['usage', 'series', span], (signal) => must(client.GET('/usage/series', { signal, params: { query: asked(span) } })), { keep: true });
  return (
    <>
      <div className="row apart">
        <h2>{t('overview.calls')}</h2>
        <Select
          aria-label={t('overview.span')}
          value={span}
          style={{ width: 148 }}
          options={kSpans.map((value) => ({ value, label: t(`overview.span-${value}`) }))}
          onChange={(value) => setParams({ span: value }, { replace: true })}
        />
      </div>
      <Loaded of={series} rows={5}>
        {(of) =>
          of.items.every((one) => one.calls + one.errors + one.refusals === 0) ? (
            <p className="second">{t('overview.no-calls')}</p>
          ) : (
            <>
              <Series span={span} steps={of.items} />
              <ByDeployment span={span} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

const sum = (values: number[]) => values.reduce((all, one) => all + one, 0);

function Series({ span, steps }: { span: Span; steps: Schemas['UsageStep'][] }) {
  const { t } = useTranslation();
  const labels = useMemo(() => steps.map((one) => stepLabel(span, one.from_ms)), [span, steps]);
  const [calls, errors] = useMemo(() => [steps.map((one) => one.calls), steps.map((one) => one.errors)], [steps]);
  const lines = useMemo(
    () => [
      { name: t('grants.calls'), colour: 'act' as const, values: calls },
      { name: t('overview.errors'), colour: 'failed' as const, dashed: true, values: errors },
    ],
    [t, calls, errors],
  );
  const most = Math.max(...calls);
  const said = t('overview.series-said', { calls: groups(sum(calls)), errors: groups(sum(errors)), most: groups(most), at: labels[calls.indexOf(most)] });
  return (
    <>
      <p className="row" style={{ gap: 24 }}>
        <span>
          <span className="line-key" aria-hidden /> {t('grants.calls')} <b>{groups(sum(calls))}</b>
        </span>
        <span>
          <span className="line-key dashed" aria-hidden /> {t('overview.errors')} <b className={sum(errors) > 0 ? 'danger' : undefined}>{groups(sum(errors))}</b>
        </span>
      </p>
      <Suspense fallback={<Bones rows={5} />}>
        <Lines labels={labels} lines={lines} said={said} />
      </Suspense>
    </>
  );
}

function ByDeployment({ span }: { span: Span }) {
  const { t } = useTranslation();
  const usage = useLive(['usage', 'sums', span], (signal) => must(client.GET('/usage', { signal, params: { query: { from_ms: asked(span).from_ms } } })), { keep: true });
  const names = useLive(['deployments', 'names'], (signal) => must(client.GET('/deployments', { signal, params: { query: { page_size: 200 } } })));
  const rows = [...(usage.data?.items ?? [])].sort((a, b) => b.calls - a.calls).slice(0, kShown);
  const most = Math.max(1, rows[0]?.calls ?? 1);
  return (
    <Loaded of={usage} rows={3}>
      {() => (
        <Table
          name={t('overview.calls')}
          rows={rows}
          keyOf={(one) => one.deployment_id}
          columns={[
            { title: t('grants.deployment'), cell: (one) => <Link to={`/deployments/${one.deployment_id}`}>{names.data?.items.find((d) => d.id === one.deployment_id)?.name ?? one.deployment_id}</Link> },
            { title: t('overview.share'), cell: (one) => <div className="bar" style={{ width: 160, border: 0 }}><div style={{ width: `${Math.max(1, (100 * one.calls) / most)}%` }} /></div> },
            { title: t('grants.calls'), align: 'right', cell: (one) => groups(one.calls) },
            { title: t('overview.errors'), align: 'right', cell: (one) => <span className={one.errors > 0 ? 'danger' : undefined}>{groups(one.errors)}</span> },
            { title: t('overview.refusals'), align: 'right', cell: (one) => groups(one.refusals) },
          ]}
        />
      )}
    </Loaded>
  );
}
