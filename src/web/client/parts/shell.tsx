import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useCase } from '../data.ts';
import { setLang } from '../texts.ts';
import { HelpDialog } from './help-dialog.tsx';
import { pages } from './pages.ts';
import { RebuildBanner } from './rebuild-banner.tsx';
import { WhyDrawer } from './why-drawer.tsx';

/** Frame of every page: case title, navigation, language, the explanation drawer, the keyboard. */
export function Shell() {
  const { t, i18n } = useTranslation();
  const info = useCase();
  const search = useSearch({ strict: false }) as { why?: string; line?: string };
  const [help, setHelp] = useState(false);
  const lang = i18n.language as 'ja' | 'en';
  useKeyboard(() => setHelp(true));
  const title = info.data?.title[lang] ?? '';
  useEffect(() => {
    document.title = title === '' ? 'Tadasu' : `${title} — Tadasu`;
  }, [title]);
  return (
    <>
      <a className="skip" href="#main">
        {t('skip')}
      </a>
      <header className="top">
        <div className="brand">
          <span aria-hidden="true">糺</span>
          <b>Tadasu</b>
        </div>
        <div className="case">
          <p className="case-title">{title}</p>
          <p className="case-sub">
            {[info.data?.organisation, info.data?.id, info.data && t('zone', { zone: info.data.timezone })].filter(Boolean).join(' · ')}
          </p>
        </div>
        <div className="tools">
          <Button className="plain" onPress={() => setLang(lang === 'ja' ? 'en' : 'ja')}>
            {lang === 'ja' ? 'English' : '日本語'}
          </Button>
          <Button className="plain" onPress={() => setHelp(true)}>
            {t('help.open')}
          </Button>
        </div>
      </header>
      <nav className="pages" aria-label={t('navigation')}>
        {pages.map(p => (
          <Link key={p.to} to={p.to} activeOptions={{ exact: p.to === '/' }} activeProps={{ 'aria-current': 'page' }}>
            {t(`page.${p.name}`)}
          </Link>
        ))}
        <a href={`/documents/reports/technical.${lang}.pdf`} target="_blank" rel="noreferrer">
          {t('report-pdf')}
        </a>
      </nav>
      <RebuildBanner />
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      {(search.why !== undefined || search.line !== undefined) && <WhyDrawer reference={search.why ?? null} line={search.line ?? null} />}
      <HelpDialog open={help} onClose={() => setHelp(false)} />
    </>
  );
}

/** `?` help, `g` then a letter goes to a page. Never acts while somebody types or an IME composes. */
function useKeyboard(openHelp: () => void): void {
  const navigate = useNavigate();
  const armed = useRef(0);
  useEffect(() => {
    const onKey = (e: KeyboardEvent): void => {
      const target = e.target as HTMLElement;
      if (e.isComposing || e.keyCode === 229 || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      if (e.key === '?') return openHelp();
      if (e.key === 'g') {
        armed.current = e.timeStamp;
        return;
      }
      const page = pages.find(p => p.key === e.key);
      if (page && e.timeStamp - armed.current < 1500) void navigate({ to: page.to });
      armed.current = 0;
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}
