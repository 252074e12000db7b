import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Decision, type Result, useDecisions, useResult } from '../data.ts';
import { DecisionDialog, type Proposal } from '../parts/decision-dialog.tsx';
import { PublishedFigure } from '../parts/published-figure.tsx';
import { State } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';

/** What people decided on this case: nothing is ever taken out, a decision is withdrawn by another one. */
export function Decisions() {
  const { t } = useTranslation();
  const query = useDecisions();
  const result = useResult();
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const all = query.data?.decisions ?? [];
  return (
    <>
      <h1>{t('page.decisions')}</h1>
      <p>{t('decisions.intro')}</p>
      <State query={query} />
      {query.data && all.length === 0 && <p className="soft">{t('case:decision.none')}</p>}
      {all.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col" className="num">
                {t('decisions.seq')}
              </th>
              <th scope="col">{t('decisions.at')}</th>
              <th scope="col">{t('decisions.by')}</th>
              <th scope="col">{t('what')}</th>
              <th scope="col">{t('decisions.state')}</th>
            </tr>
          </thead>
          <tbody>
            {all.map(d => (
              <tr key={d.seq}>
                <td className="num">{d.seq}</td>
                <td className="nowrap">
                  <Time iso={d.at} />
                </td>
                <td>{d.by}</td>
                <td>
                  <b>{t(`case:decision.kind.${d.kind}`)}</b>
                  <br />
                  <code>{subjectOf(d, t)}</code>
                  {d.body['reason'] !== '' && (
                    <>
                      <br />
                      {String(d.body['reason'] ?? '')}
                    </>
                  )}
                </td>
                <td className="nowrap">
                  {d.withdrawnBy !== null ? (
                    <span className="tag">{t('case:decision.withdrawn-by', { seq: d.withdrawnBy })}</span>
                  ) : d.kind === 'decision.withdrawn' ? (
                    '—'
                  ) : (
                    <>
                      <span className={`tag ${d.followed ? 'done' : 'warning'}`}>{t(d.followed ? 'decisions.followed' : 'decisions.waiting')}</span>{' '}
                      <button
                        type="button"
                        className="plain"
                        onClick={() => setProposal({ kind: 'decision.withdrawn', words: [String(d.seq)], about: `${d.seq}: ${subjectOf(d, t)}` })}
                      >
                        {t('decisions.withdraw')}
                      </button>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {result.data && <PublishedFigure result={result.data} onPropose={setProposal} />}
      {result.data && <NewDecision result={result.data} onPropose={setProposal} />}
      {proposal && <DecisionDialog proposal={proposal} onClose={() => setProposal(null)} />}
    </>
  );
}

/** The subject of a decision as a person reads it: its words where it has some, else what it names. */
function subjectOf({ kind, body }: Decision, t: (key: string) => string): string {
  if (kind === 'premise.set')
    return `${t(`exposure:assumption.${String(body['premise'])}`)}: ${t(body['holds'] === true ? 'decisions.premise-holds' : 'decisions.premise-fails')}`;
  if (typeof body['about'] === 'string' && body['about'] !== '') return body['about'];
  const { reason: _, about: __, ...rest } = body;
  return Object.values(rest)
    .map(v => (typeof v === 'string' ? v : JSON.stringify(v)))
    .join(' ');
}

/** Decisions that do not start from a step: actors, persons, duties. */
function NewDecision({ result, onPropose }: { result: Result; onPropose: (p: Proposal) => void }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [records, setRecords] = useState('');
  const addresses = [...new Set(result.intrusion.actors.flatMap(a => a.ips))];
  const lines = records
    .split(/\s+/)
    .map(l => l.trim())
    .filter(l => l !== '');
  const due = result.obligations.filter(o => o.status !== 'done');
  const { i18n } = useTranslation();
  return (
    <>
      <section aria-labelledby="by-actor">
        <h2 id="by-actor">{t('decisions.actors')}</h2>
        {addresses.length === 0 && <p className="soft">{t('none')}</p>}
        <ul className="choices">
          {addresses.map(ip => (
            <li key={ip}>
              <label>
                <input
                  type="checkbox"
                  checked={chosen.includes(ip)}
                  onChange={e => setChosen(e.target.checked ? [...chosen, ip] : chosen.filter(x => x !== ip))}
                />{' '}
                <code>{ip}</code>
              </label>
            </li>
          ))}
        </ul>
        <div className="actions">
          <button
            type="button"
            className="plain"
            disabled={chosen.length < 2}
            onClick={() => onPropose({ kind: 'actor.merged', words: chosen, about: chosen.join(', ') })}
          >
            {t('case:decision.kind.actor.merged')}
          </button>
          <button
            type="button"
            className="plain"
            disabled={chosen.length === 0}
            onClick={() => onPropose({ kind: 'actor.split', words: chosen, about: chosen.join(', ') })}
          >
            {t('case:decision.kind.actor.split')}
          </button>
        </div>
      </section>
      <section aria-labelledby="by-premise">
        <h2 id="by-premise">{t('decisions.premises')}</h2>
        {result.exposure.premises.length === 0 && <p className="soft">{t('none')}</p>}
        <ul className="choices">
          {result.exposure.premises.map(p => (
            <li key={p.name}>
              {t(`exposure:assumption.${p.name}`)} <span className="tag">{t(`decisions.premise-${p.state}`)}</span>{' '}
              <small>{p.events > 0 ? t('decisions.premise-events', { count: p.events }) : t('decisions.premise-claims', { count: p.claims })}</small>{' '}
              {([true, false] as const)
                .filter(holds => p.state !== (holds ? 'holds' : 'fails'))
                .map(holds => (
                  <button
                    key={String(holds)}
                    type="button"
                    className="plain"
                    onClick={() =>
                      onPropose({
                        kind: 'premise.set',
                        words: [`${p.name}=${holds ? 'on' : 'off'}`],
                        about: `${t(`exposure:assumption.${p.name}`)}: ${t(holds ? 'decisions.premise-holds' : 'decisions.premise-fails')}`,
                      })
                    }
                  >
                    {t(holds ? 'decisions.premise-confirm' : 'decisions.premise-refute')}
                  </button>
                ))}
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="by-person">
        <h2 id="by-person">{t('decisions.persons')}</h2>
        <label className="form">
          {t('decisions.records')}
          <textarea value={records} onChange={e => setRecords(e.target.value)} rows={3} placeholder={'customers/1024\nquotes/77'} />
        </label>
        <div className="actions">
          {(['person.merged', 'person.split'] as const).map(kind => (
            <button
              key={kind}
              type="button"
              className="plain"
              disabled={lines.length < 2}
              onClick={() => onPropose({ kind, words: lines, about: lines.join(', ') })}
            >
              {t(`case:decision.kind.${kind}`)}
            </button>
          ))}
        </div>
      </section>
      <section aria-labelledby="by-duty">
        <h2 id="by-duty">{t('decisions.obligations')}</h2>
        {due.length === 0 && <p className="soft">{t('no-deadlines')}</p>}
        <ul className="choices">
          {due.map(o => (
            <li key={o.id}>
              <button
                type="button"
                className="plain"
                onClick={() => onPropose({ kind: 'obligation.done', words: [o.id], about: t(`obligations:kind.${o.kind}`) })}
              >
                {t('case:decision.kind.obligation.done')}
              </button>{' '}
              {o.due ?? t('promptly')} {t(`obligations:kind.${o.kind}`)} → {i18n.language === 'ja' ? o.recipient : o.recipient_en}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
