import type { Element, OpenCase } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import { widen } from '../normal/index.ts';

/** Which columns of a data set say who a record is about. Column lists are in table order. */
export type LinkFields = {
  readonly dataset_id: string;
  readonly rows: number;
  readonly surname: readonly string[];
  readonly given: readonly string[];
  readonly full: readonly string[];
  readonly kana: readonly string[];
  readonly birth: readonly string[];
  readonly sex: readonly string[];
  readonly address: readonly string[];
  readonly postal: readonly string[];
  readonly phone: readonly string[];
  readonly email: readonly string[];
  /** Numbers that belong to one person for life or nearly so. */
  readonly ident: readonly string[];
  readonly place: readonly string[];
};

const surnameHeader = /^(?:姓|氏|苗字|名字)$|surname|last|family|(?:^|[_\s])(?:sei|myoji)(?:$|[_\s])|姓(?:名)?[(]?漢字|姓_|契約者姓|漢字姓/i;
const givenHeader = /^名$|given|first|forename|(?:^|[_\s])mei(?:$|[_\s])|漢字名$|契約者名$/i;
const skippedHeader = /middle|maiden|mother|旧姓|emergency|緊急|配偶者|spouse|担当|agent|代理店|住所カナ|account|口座|title|_and_/i;
const kanaSurname = /セイ|せい|姓|sei|last|sur|family/i;
const personalNumber = /ssn|soc(?:ial)?_?sec|national_?id|nino|social_?insurance/i;

/** Read the fields of every data set from `column_element`. */
export async function readLinkFields(kase: OpenCase): Promise<LinkFields[]> {
  const rows = await kase.engine.rows<{ dataset_id: string; rows: number; name: string; element: Element; confidence: number }>(
    'link.fields',
    sql`
    select d.dataset_id, d.rows, c.name, e.element, e.confidence from dataset d join dataset_column c using (dataset_id) join column_element e using (dataset_id, column_no)
    order by d.dataset_id, c.column_no`,
  );
  const ids = await kase.engine.rows<{ dataset_id: string; rows: number }>('link.datasets', sql`select dataset_id, rows from dataset order by dataset_id`);
  return ids.map(d => {
    const own = rows.filter(r => r.dataset_id === d.dataset_id && r.confidence >= 0.5 && !skippedHeader.test(r.name));
    const of = (...list: Element[]): string[] => own.filter(r => list.includes(r.element)).map(r => r.name);
    const names = of('person.name');
    const surname = names.filter(n => surnameHeader.test(widen(n)));
    const given = names.filter(n => givenHeader.test(widen(n)) && !surname.includes(n));
    const split = surname.length > 0 && given.length > 0;
    const kana = of('person.kana');
    return {
      dataset_id: d.dataset_id,
      rows: Number(d.rows),
      surname: split ? surname.slice(0, 1) : [],
      given: split ? given.slice(0, 1) : [],
      full: split ? [] : names.slice(0, names.length > 1 && names.every(n => n.length <= 12) && surname.length + given.length > 0 ? 2 : 1),
      kana: kana.length > 1 && kana.some(k => kanaSurname.test(k)) ? kana.slice(0, 2) : kana.slice(0, 1),
      birth: of('person.birth_date').slice(0, 1),
      sex: of('person.sex').slice(0, 1),
      address: of('contact.address').slice(0, 8),
      postal: of('contact.postal_code').slice(0, 1),
      phone: of('contact.phone').slice(0, 2),
      email: of('contact.email').slice(0, 1),
      ident: [
        ...of('id.my_number', 'id.driver_licence', 'id.passport', 'id.residence_card'),
        ...rows.filter(r => r.dataset_id === d.dataset_id && personalNumber.test(r.name)).map(r => r.name),
      ].slice(0, 1),
      place: of('location.other').slice(0, 1),
    };
  });
}

/** Does a data set say anything about who its records are? */
export function describesPersons(f: LinkFields): boolean {
  return [f.surname, f.full, f.kana, f.phone, f.email, f.ident].some(list => list.length > 0);
}
