import { useTranslation } from 'react-i18next';
import { ApiError } from '../data.ts';

/** Loading and failure, the same on every page. */
export function State({ query }: { query: { isPending: boolean; error: Error | null; refetch: () => unknown } }) {
  const { t } = useTranslation();
  if (query.error) {
    const dot = query.error instanceof ApiError ? query.error.code.indexOf('.') : -1;
    const known =
      query.error instanceof ApiError && dot > 0
        ? t(`${query.error.code.slice(0, dot)}:problem.${query.error.code.slice(dot + 1)}`, query.error.params)
        : t('failed');
    return (
      <p role="alert" className="warning">
        {known}{' '}
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
