import { expect, it } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { writeTotals } from '../../src/exposure/claims/totals.ts';
import { claimsOfColumn } from '../../src/persons/figure-claims.ts';
import { memoryEngine } from '../fixtures/event-table.ts';

it('claims on a column are the same whether their rows are counted or their totals are taken', async () => {
  const engine = await memoryEngine();
  // column 0 in sets 1 and 3, column 1 in 2 and 3; set 9 is another data set's
  await engine.run(
    't',
    sql`create table dataset_column as select * from (values ('d', 0, 'name'), ('d', 1, 'tel'), ('e', 0, 'name')) t(dataset_id, column_no, name)`,
  );
  await engine.run(
    't',
    sql`create table colset as select * from (values (1, 'd', 0), (2, 'd', 1), (3, 'd', 0), (3, 'd', 1), (9, 'e', 0)) t(colset_id, dataset_id, column_no)`,
  );
  // claims 0-5: of one set, of several that all hold a column, of several of which one does; a row may stand in both
  await engine.run(
    't',
    sql`create table claim_row as select 'claim-' || c as claim_id, (i * 7 % (20 + 10 * c))::bigint as row_no, [[1], [1, 3], [1, 2], [9], [2, 3], [3]][c + 1][1 + i % len([[1], [1, 3], [1, 2], [9], [2, 3], [3]][c + 1])] as colset_id,
      (i * (c + 3) % 5)::tinyint as tier_lower, greatest(i * (c + 3) % 5, i % 4)::tinyint as tier_upper from range(6) t(c), range(60) u(i)`,
  );
  await engine.run('t', sql`create table claim as select claim_id, max(tier_lower) as must_tier from claim_row group by claim_id`);
  await writeTotals(engine);
  const levels = {
    confirmed: sql`tier_lower >= 4`,
    executed: sql`tier_lower >= 3`,
    possible: sql`tier_upper >= 2`,
    not_excluded: sql`tier_upper >= 1`,
  } as const;
  for (const [tier, level] of Object.entries(levels) as [keyof typeof levels, (typeof levels)['confirmed']][])
    for (const [no, column] of ['name', 'tel'].entries()) {
      const counted = await engine.rows(
        't',
        sql`select claim_id, count(distinct row_no) as n from claim_row where colset_id in (select colset_id from colset where dataset_id = 'd' and column_no = ${no}) and ${level}
          group by claim_id order by n desc, claim_id`,
      );
      expect(counted.length).toBeGreaterThanOrEqual(3);
      const taken = await claimsOfColumn(engine, tier, 'd', column, 10);
      expect(taken.map(c => c.n)).toEqual(counted.map(c => c['n']));
      expect([...taken].sort((a, b) => b.n - a.n || (a.claim_id < b.claim_id ? -1 : 1))).toEqual(counted);
    }
  engine.close();
});
