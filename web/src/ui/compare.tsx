// What a version's config changes against the version that was accepted last: what an operator looks at before she accepts.
import { useTranslation } from 'react-i18next';
import { type Schemas, client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { differences } from './config-fields.ts';
import { useConfig } from './config.tsx';

export default function Compare({ of }: { of: Schemas['ModelVersion'] }) {
  const { t } = useTranslation();
  const others = useLive(['models', 'of', of.vendor_id, of.name], (signal) =>
    must(client.GET('/models', { signal, params: { query: { vendor: of.vendor_id, name: of.name, state: 'accepted', page_size: 100 } } })),
  );
  const former = others.data?.items
    .filter((one) => one.name === of.name && one.id !== of.id && one.submitted_ms < of.submitted_ms)
    .sort((a, b) => b.submitted_ms - a.submitted_ms)[0];
  const before = useConfig(former?.config_sm3);
  const after = useConfig(former ? of.config_sm3 : undefined);
  if (!former || before.data === undefined || after.data === undefined) return null;
  const changes = differences(before.data, after.data);
  const documents = of.documents.filter((one) => former.documents.find((other) => other.kind === one.kind)?.sm3 !== one.sm3);
  return (
    <section className="well" style={{ marginBottom: 16 }}>
      <b>{t('compare.title', { version: former.version })}</b>
      <div className="diff">
        {changes.map((change) => (
          <div key={change.field} className={change.before === '' ? 'plus' : change.after === '' ? 'minus' : 'tilde'} style={{ overflowWrap: 'anywhere' }}>
            {change.field} {change.before}
            {change.before !== '' && change.after !== '' && ' → '}
            {change.after}
          </div>
        ))}
      </div>
      {documents.map((one) => (
        <div key={one.kind}>{t('compare.document', { document: t(`document.${one.kind}`) })}</div>
      ))}
      {changes.length + documents.length === 0 && <div className="second">{t('compare.same')}</div>}
    </section>
  );
}
