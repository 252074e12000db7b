import type { Question } from './condition.ts';
import { type ConstantForm, constantForm, fillConstants } from './constant-form.ts';
import { kindOf, type SlotKind, type SlotPlaces, testValue, withSlots } from './form.ts';
import { printExpr } from './print.ts';

/** A question whose constants may be put anew; everything beside its condition stays as it is. */
export type QuestionForm = { readonly question: Question; readonly condition: ConstantForm };

/** What a text with other constants asks and where its slots are; null where it is no question of the same kind. */
export type ReadQuestion = (text: string) => { readonly question: Question; readonly at: SlotPlaces } | null;

/** The question of a text that differs in constants only; null where one of them is of another kind. */
export function fillQuestion(form: QuestionForm, text: string, at: SlotPlaces): Question | null {
  const condition = fillConstants(form.condition, text, at);
  return condition && { ...form.question, condition };
}

/**
 * The form of a question: its `inner` slots are given other values, one at a time and all together, and what is read must be what the form makes of them.
 * Null where one of them does more than stand in the condition.
 */
export function learnQuestion(question: Question, text: string, at: SlotPlaces, inner: readonly number[], read: ReadQuestion): QuestionForm | null {
  const form: QuestionForm = { question, condition: constantForm(question.condition, text, at, inner) };
  const free = form.condition.slots.map(s => s.slot);
  if (free.length === 0) return null;
  const kinds = free.map(s => kindOf(text, at[2 * s]!, at[2 * s + 1]!)!);
  const holds = (slots: readonly number[], of: readonly SlotKind[]): boolean =>
    [0, 1, 2, 3].every(n => {
      const other = withSlots(
        text,
        at,
        slots,
        slots.map((s, i) => testValue(s, of[i]!, n)),
      );
      const found = read(other);
      const made = found && fillQuestion(form, other, found.at);
      return made !== null && written(made) === written(found!.question);
    });
  return free.every((s, i) => holds([s], [kinds[i]!])) && holds(free, kinds) ? form : null;
}

/** All that a question says, without the places of its constants. */
function written(q: Question): string {
  const plain = (key: string, value: unknown): unknown => (key === 'at' ? undefined : value);
  return JSON.stringify({ ...q, unknown: q.unknown && printExpr(q.unknown, { keys: true }), copies: q.copies.length }, plain);
}
