import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ApiError, get, post, type Rebuild, useDecisions } from '../data.ts';
import { errorText } from './error-text.ts';

/** Says that decisions are not in the results yet, lets a person rebuild them, and shows how far that has come. */
export function RebuildBanner() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const decisions = useDecisions();
  const rebuild = useQuery({
    queryKey: ['rebuild'],
    queryFn: async () => {
      const before = client.getQueryData<Rebuild>(['rebuild'])?.state;
      const now = await get<Rebuild>('/rebuild');
      if (before === 'running' && now.state !== 'running') await client.invalidateQueries({ predicate: q => q.queryKey[0] !== 'rebuild' });
      return now;
    },
    refetchInterval: q => (q.state.data?.state === 'running' ? 700 : false),
  });
  const start = async (): Promise<void> => {
    client.setQueryData(['rebuild'], await post<Rebuild>('/rebuild', {}));
    await rebuild.refetch();
  };
  const state = rebuild.data;
  if (state?.state === 'running') {
    return (
      <p role="status" className="banner">
        {t('decisions.rebuilding')} {state.stage !== null && t(`common:stage.${state.stage}`)}
        {state.total !== null && state.total > 0 && ` ${Math.floor((100 * state.done) / state.total)} %`}
      </p>
    );
  }
  if (state?.state === 'failed' && state.error) {
    return (
      <p role="alert" className="banner">
        {t('decisions.rebuild-failed')} {errorText(t, new ApiError(state.error.code, state.error.params))}
      </p>
    );
  }
  if (!decisions.data?.stale) return null;
  return (
    <p role="status" className="banner">
      {t('decisions.stale')}{' '}
      {decisions.data.rebuildable ? (
        <button type="button" className="primary" onClick={() => void start()}>
          {t('decisions.rebuild')}
        </button>
      ) : (
        <code>tadasu investigate</code>
      )}
    </p>
  );
}
