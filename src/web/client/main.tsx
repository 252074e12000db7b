import '@digital-go-jp/design-tokens/dist/tokens.css';
import './styles.css';
import './texts.ts';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRootRoute, createRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { I18nProvider } from 'react-aria-components';
import { createRoot } from 'react-dom/client';
import { useTranslation } from 'react-i18next';
import { Decisions } from './pages/decisions.tsx';
import { Evidence } from './pages/evidence.tsx';
import { Exposure } from './pages/exposure.tsx';
import { Overview } from './pages/overview.tsx';
import { Problems } from './pages/problems.tsx';
import { Revisions } from './pages/revisions.tsx';
import { Step } from './pages/step.tsx';
import { Timeline } from './pages/timeline.tsx';
import { Shell } from './parts/shell.tsx';

/** `why`: the reference whose explanation is open; `line`: `file:line` of evidence shown. Both are part of the link. */
export type Search = { why?: string; line?: string; lang?: string };

const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : undefined);

const root = createRootRoute({
  component: Shell,
  validateSearch: (s: Record<string, unknown>): Search => {
    const out: Search = {};
    for (const key of ['why', 'line', 'lang'] as const) {
      const value = text(s[key]);
      if (value !== undefined) out[key] = value;
    }
    return out;
  },
});

const page = <const P extends string>(path: P, component: () => React.ReactNode) => createRoute({ getParentRoute: () => root, path, component });

const router = createRouter({
  routeTree: root.addChildren([
    page('/', Overview),
    page('/timeline', Timeline),
    page('/exposure', Exposure),
    page('/evidence', Evidence),
    page('/problems', Problems),
    page('/decisions', Decisions),
    page('/revisions', Revisions),
    page('/steps/$id', Step),
  ]),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

function App() {
  const { i18n } = useTranslation();
  return (
    <I18nProvider locale={i18n.language === 'ja' ? 'ja-JP' : 'en-GB'}>
      <RouterProvider router={router} />
    </I18nProvider>
  );
}

document.documentElement.lang = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('lang') ?? 'ja';
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={new QueryClient()}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
