import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { client, must } from '../api/client.ts';
import { useLive } from '../api/live.ts';
import { Fingerprint } from '../ui/fingerprint.tsx';
import { Loaded, PageHead, save } from '../ui/parts.tsx';

export default function Card() {
  const { t } = useTranslation();
  const asked = useLive(['card', 'fingerprint'], (signal) => must(client.GET('/card/fingerprint', { signal })));
  return (
    <>
      <PageHead
        title={t('nav.card')}
        lead={t('card.lead')}
        acts={
          <Button
            type="primary"
            onClick={() => void must(client.GET('/card')).then((card) => save('mifeng-card.json', `${JSON.stringify(card, null, 2)}\n`, 'application/json'))}
          >
            {t('card.download')}
          </Button>
        }
      />
      <h2>{t('card.fingerprint')}</h2>
      <p className="second">{t('card.compare')}</p>
      <Loaded of={asked} rows={3}>
        {(one) => <Fingerprint value={one.fingerprint} />}
      </Loaded>
      <p className="note">{t('vendor.how-to-read')}</p>
      <h2>{t('card.use')}</h2>
      <pre tabIndex={0}>mifeng pack MODEL --for mifeng-card.json --sign vendor.pem</pre>
    </>
  );
}
