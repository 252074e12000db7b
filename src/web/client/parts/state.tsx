import { useTranslation } from 'react-i18next';
import { errorText } from './error-text.ts';

/** Loading and failure, the same on every page. */
export function State({ query }: { query: { isPending: boolean; error: Error | null; refetch: () => unknown } }) {
  const { t } = useTranslation();
  if (query.error) {
    return (
      <p role="alert" className="warning">
        {errorText(t, query.error)}{' '}
        <button type="button" onClick={() => query.refetch()}>
          {t('retry')}
        </button>
      </p>
    );
  }
  return query.isPending ? (
    <p role="status" className="soft">
      {t('loading')}
    </p>
  ) : null;
}
