import { ConfigProvider, type ThemeConfig, theme as antd } from 'antd';
import en from 'antd/locale/en_US';
import zh from 'antd/locale/zh_CN';
import { type ReactNode, createContext, useContext, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Palette, dark, light, mono, sans } from './tokens.ts';

export type Choice = 'system' | 'light' | 'dark';
const kKept = 'mifeng.theme';

function themeOf(palette: Palette, isDark: boolean): ThemeConfig {
  return {
    algorithm: isDark ? antd.darkAlgorithm : antd.defaultAlgorithm,
    token: {
      colorPrimary: palette.act,
      colorLink: palette.act,
      colorInfo: palette.act,
      colorSuccess: palette.ready,
      colorWarning: palette.degraded,
      colorError: palette.failed,
      colorText: palette.text,
      colorTextSecondary: palette.second,
      colorTextTertiary: palette.second,
      colorTextDescription: palette.second,
      colorTextPlaceholder: palette.second,
      colorTextLightSolid: isDark ? '#15181A' : '#FFFFFF',
      colorBorder: palette.field,
      colorBorderSecondary: palette.line,
      colorSplit: palette.line,
      colorBgBase: palette.page,
      colorBgContainer: palette.page,
      colorBgElevated: isDark ? palette.band : palette.page,
      colorBgLayout: palette.page,
      colorBgSpotlight: isDark ? '#33393D' : '#1A1E21',
      borderRadius: 3,
      borderRadiusLG: 3,
      borderRadiusSM: 3,
      fontFamily: sans,
      fontFamilyCode: mono,
      fontSize: 14,
      lineHeight: 22 / 14,
      controlHeight: 32,
      motionDurationFast: '0.12s',
      motionDurationMid: '0.12s',
      motionDurationSlow: '0.12s',
      boxShadow: '0 4px 16px rgba(0, 0, 0, 0.16)',
      boxShadowSecondary: '0 4px 16px rgba(0, 0, 0, 0.16)',
      wireframe: false,
    },
    components: {
      Button: { primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none', fontWeight: 400 },
      Select: { optionSelectedBg: palette.selection, optionActiveBg: palette.band, optionSelectedFontWeight: 400 },
      Input: { activeShadow: 'none' },
      Tooltip: { fontSize: 12 },
    },
  };
}

interface ThemeState {
  palette: Palette;
  choice: Choice;
  choose: (choice: Choice) => void;
}
const Context = createContext<ThemeState>({ palette: light, choice: 'system', choose: () => undefined });
export const useThemeChoice = () => useContext(Context);
// Of what is drawn and follows no style sheet.
export const usePalette = () => useContext(Context).palette;

const system = window.matchMedia('(prefers-color-scheme: dark)');
// mifengd's policy takes styles with this page's nonce alone.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

export function ThemeProvider({ children }: { children: ReactNode }) {
  const { i18n } = useTranslation();
  const [choice, setChoice] = useState<Choice>(() => (localStorage.getItem(kKept) as Choice | null) ?? 'system');
  const [systemDark, setSystemDark] = useState(system.matches);
  useEffect(() => {
    const changed = () => setSystemDark(system.matches);
    system.addEventListener('change', changed);
    return () => system.removeEventListener('change', changed);
  }, []);
  const isDark = choice === 'dark' || (choice === 'system' && systemDark);
  const palette = isDark ? dark : light;
  useEffect(() => {
    const root = document.documentElement;
    for (const [name, colour] of Object.entries(palette)) root.style.setProperty(`--${name}`, colour);
    root.style.colorScheme = isDark ? 'dark' : 'light';
    root.dataset.theme = isDark ? 'dark' : 'light';
  }, [palette, isDark]);
  const state = useMemo(
    () => ({
      palette,
      choice,
      choose: (next: Choice) => {
        localStorage.setItem(kKept, next);
        setChoice(next);
      },
    }),
    [choice, palette],
  );
  const config = useMemo(() => themeOf(palette, isDark), [palette, isDark]);
  return (
    <Context.Provider value={state}>
      <ConfigProvider
        theme={config}
        locale={i18n.language === 'zh' ? zh : en}
        csp={{ nonce }}
        wave={{ disabled: true }}
        // What opens within a dialog has to be in it: the browser draws that above all else.
        getPopupContainer={(trigger) => trigger?.closest('dialog') ?? document.body}
        button={{ autoInsertSpace: false }}
      >
        {children}
      </ConfigProvider>
    </Context.Provider>
  );
}
