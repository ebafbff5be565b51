import type { ComponentType } from 'react';
import { Navigate, createBrowserRouter } from 'react-router';
import { useMe } from './api/session.tsx';
import { NotFound } from './pages/not-found.tsx';
import { Shell } from './shell/shell.tsx';
import { landing } from './shell/navigation.ts';
import { Door } from './shell/signin.tsx';
import { RouteBroken } from './ui/broken.tsx';

function Home() {
  return <Navigate to={landing(useMe())} replace />;
}

// Every page is a chunk of its own.
function page(load: () => Promise<{ default: ComponentType }>) {
  return { lazy: async () => ({ Component: (await load()).default }) };
}

export const router = createBrowserRouter([
  {
    element: <Shell />,
    // The frame itself; a page that fails leaves it where it is.
    errorElement: (
      <Door>
        <RouteBroken />
      </Door>
    ),
    children: [
      {
        errorElement: <RouteBroken />,
        children: [
          { index: true, element: <Home /> },
          { path: 'overview', ...page(() => import('./pages/overview.tsx')) },
          { path: 'models', ...page(() => import('./pages/models.tsx')) },
          { path: 'library/configs', ...page(() => import('./pages/configs.tsx')) },
          { path: 'library/images', ...page(() => import('./pages/images.tsx')) },
          { path: 'models/:vendor/:model/:version/*', ...page(() => import('./pages/version.tsx')) },
          { path: 'submit', ...page(() => import('./pages/submit.tsx')) },
          { path: 'vendors', ...page(() => import('./pages/vendors.tsx')) },
          { path: 'vendors/:id', ...page(() => import('./pages/vendor.tsx')) },
          { path: 'vendors/:id/key', ...page(() => import('./pages/vendor-key.tsx')) },
          { path: 'deploy', ...page(() => import('./pages/deploy.tsx')) },
          { path: 'deployments', ...page(() => import('./pages/deployments.tsx')) },
          { path: 'deployments/:id/*', ...page(() => import('./pages/deployment.tsx')) },
          { path: 'batches', ...page(() => import('./pages/batches.tsx')) },
          { path: 'batches/new', ...page(() => import('./pages/batch-new.tsx')) },
          { path: 'batches/:id', ...page(() => import('./pages/batch.tsx')) },
          { path: 'ports', ...page(() => import('./pages/ports.tsx')) },
          { path: 'routes', ...page(() => import('./pages/routes.tsx')) },
          { path: 'routes/:id/try', ...page(() => import('./pages/try.tsx')) },
          { path: 'callers', ...page(() => import('./pages/callers.tsx')) },
          { path: 'my', ...page(() => import('./pages/my.tsx')) },
          { path: 'keys', ...page(() => import('./pages/keys.tsx')) },
          { path: 'keys/grants', ...page(() => import('./pages/grants.tsx')) },
          { path: 'card', ...page(() => import('./pages/card.tsx')) },
          { path: 'audit', ...page(() => import('./pages/audit.tsx')) },
          { path: 'clusters', ...page(() => import('./pages/clusters.tsx')) },
          { path: 'gateways', ...page(() => import('./pages/gateways.tsx')) },
          { path: 'people', ...page(() => import('./pages/people.tsx')) },
          { path: 'settings', ...page(() => import('./pages/settings.tsx')) },
          { path: 'go/*', ...page(() => import('./pages/go.tsx')) },
          { path: 'account', ...page(() => import('./pages/account.tsx')) },
          { path: '*', element: <NotFound /> },
        ],
      },
    ],
  },
]);
