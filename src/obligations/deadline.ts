import { dayIn, type Micros, UserError } from '../base/index.ts';
import { firstOpenDay, nthDay } from './calendar.ts';
import { type ObligationRule, type Regime, readRegime } from './law.ts';

export type Due = {
  /** `YYYY-MM-DD`, or null when the law gives no day ("promptly") or the start is not known. */
  readonly due: string | null;
  readonly counting: string;
  readonly counting_en: string;
};

/** When one obligation falls due, counted from the day on which any department knew. */
export function dueOf(rule: ObligationRule, triggers: readonly string[], knownDay: string | null): Due {
  const { days, longer, shift, nature } = rule.due;
  if (nature === 'promptly' || days === undefined) {
    return { due: null, counting: '事態の状況に応じて速やかに(日数の定めなし)', counting_en: 'promptly, as the situation requires (no number of days)' };
  }
  const n = Math.max(days, ...triggers.map(t => longer?.[t] ?? 0));
  if (knownDay === null) {
    return { due: null, counting: '知った日が未入力のため計算できません', counting_en: 'the day of knowledge is not entered' };
  }
  const raw = nthDay(knownDay, n);
  if (nature === 'guideline') {
    return {
      due: raw,
      counting: `知った日(${knownDay})を1日目として概ね3〜5日以内(目安。法定の日数ではない)`,
      counting_en: `about 3 to 5 days, counting ${knownDay} as day 1 (guidance, not a statutory number of days)`,
    };
  }
  const due = shift === 'closed-days' ? firstOpenDay(raw) : raw;
  const moved = due !== raw;
  return {
    due,
    counting: `知った日(${knownDay})を1日目として${n}日目は${raw}${moved ? `。行政機関の休日のため翌開庁日の${due}` : ''}`,
    counting_en: `counting ${knownDay} as day 1, day ${n} is ${raw}${moved ? `; offices are closed, so the next open day ${due}` : ''}`,
  };
}

export type DeadlineQuestion = {
  readonly regime: string;
  readonly knownUs: Micros;
  readonly triggers: readonly string[];
  readonly organisationKind: string | null;
  readonly asOfUs: Micros | null;
};

export type Obligation = {
  readonly id: string;
  readonly regime: string;
  /** The addressee's official name in Japanese, and in English. */
  readonly recipient: string;
  readonly recipient_en: string;
  readonly kind: ObligationRule['kind'];
  readonly trigger: readonly string[];
  readonly legal_basis: string;
  readonly known: string | null;
  readonly due: string | null;
  /** How the day was counted, in Japanese and in English. */
  readonly counting: string;
  readonly counting_en: string;
  readonly source: string;
  readonly status: 'due' | 'done' | 'overdue' | 'needs-decision';
};

/** The recipient of an obligation for this kind of organisation. */
export function recipientOf(regime: Regime, rule: ObligationRule, organisationKind: string | null): Pick<Obligation, 'recipient' | 'recipient_en'> {
  const name = rule.recipient ?? regime.recipients[organisationKind ?? 'default'] ?? regime.recipients['default']!;
  return { recipient: name.ja, recipient_en: name.en };
}

/** Answers `tadasu deadline`: the obligations of a regime for given triggers (all of the regime's when none is given). */
export function deadlines(question: DeadlineQuestion): Obligation[] {
  const regime = readRegime(question.regime);
  const ids = regime.triggers.map(t => t.id);
  for (const t of question.triggers) if (!ids.includes(t)) throw new UserError('obligations.unknown-trigger', { id: t, known: ids.join(', ') });
  const known = dayIn(regime.zone, question.knownUs);
  const today = question.asOfUs === null ? null : dayIn(regime.zone, question.asOfUs);
  return regime.obligations.flatMap(rule => {
    const met = question.triggers.length > 0 ? rule.triggers.filter(t => question.triggers.includes(t)) : rule.triggers;
    if (met.length === 0) return [];
    const due = dueOf(rule, met, known);
    const status = today !== null && due.due !== null && today > due.due ? 'overdue' : 'due';
    return [
      {
        id: rule.id,
        regime: regime.regime,
        ...recipientOf(regime, rule, question.organisationKind),
        kind: rule.kind,
        trigger: met,
        legal_basis: rule.legal_basis,
        known,
        ...due,
        source: rule.source,
        status,
      },
    ];
  });
}
