import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { useTranslation } from 'react-i18next';
import { RouterProvider } from 'react-router';
import './i18n/index.ts';
import './theme/global.css';
import { retryGets } from './api/live.ts';
import { SessionProvider, useSession } from './api/session.tsx';
import { router } from './router.tsx';
import { Door, FirstPassword, SignInPage } from './shell/signin.tsx';
import { ThemeProvider } from './theme/theme.tsx';
import { Bones, Failure } from './ui/parts.tsx';

const queries = new QueryClient({
  defaultOptions: { queries: { retry: retryGets, refetchOnWindowFocus: true, staleTime: 1000 } },
});

function Console() {
  const { me } = useSession();
  useTranslation(); // everything is drawn anew in the other language
  if (!me) return <SignInPage />;
  if (me.must_change_password) return <FirstPassword />;
  return <RouterProvider router={router} />;
}

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <ThemeProvider>
          <SessionProvider
            waiting={(failure, again) => <Door>{failure ? <Failure error={failure} again={again} /> : <Bones rows={4} />}</Door>}
          >
            <Console />
          </SessionProvider>
        </ThemeProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
