import { Button, Dropdown } from 'antd';
import { useTranslation } from 'react-i18next';
import i18next, { setLanguage } from '../i18n/index.ts';
import { type Choice, useThemeChoice } from '../theme/theme.tsx';

// Language and theme, in one line.
export function Choices() {
  const { t } = useTranslation();
  const { choice, choose } = useThemeChoice();
  const other = i18next.language === 'zh' ? 'en' : 'zh';
  return (
    <>
      <Button type="link" size="small" lang={other === 'zh' ? 'zh-CN' : 'en'} onClick={() => setLanguage(other)}>
        {t('shell.other-language')}
      </Button>
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [choice],
          items: (['system', 'light', 'dark'] as Choice[]).map((key) => ({ key, label: t(`theme.${key}`) })),
          onClick: ({ key }) => choose(key as Choice),
        }}
      >
        <Button type="link" size="small">
          <span className="hidden">{t('theme.title')}</span>
          {t(`theme.${choice}`)} ▾
        </Button>
      </Dropdown>
    </>
  );
}
