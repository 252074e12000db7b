// Public record-linkage sets as people.csv with an id and a truth each: FEBRL 1 and 4, Splink's fake 1000 and historical people.
import fs from 'node:fs';
import path from 'node:path';

const febrl = row => /\d+/.exec(row.rec_id)[0];
const sets = [
  { name: 'febrl-1', files: ['dataset1.csv'], truth: febrl, drop: ['rec_id'] },
  { name: 'febrl-4', files: ['dataset4a.csv', 'dataset4b.csv'], truth: febrl, drop: ['rec_id'] },
  { name: 'fake-1000', files: ['fake_1000.csv'], truth: r => r.cluster, drop: ['unique_id', 'cluster'] },
  {
    name: 'historical-people',
    files: ['historical-people.csv'],
    truth: r => r.cluster,
    drop: ['unique_id', 'cluster', 'full_name', 'first_and_surname'],
    most: 60_000,
  },
];

export function publicSets(folder, dir) {
  return sets
    .filter(s => s.files.every(f => fs.existsSync(path.join(folder, f))))
    .map(s => {
      const rows = s.files.flatMap(f => readRows(path.join(folder, f))).slice(0, s.most);
      const columns = Object.keys(rows[0]).filter(c => !s.drop.includes(c));
      const file = path.join(dir, `${s.name}.csv`);
      const cell = v => (/[",]/.test(v) ? `"${v.replaceAll('"', '""')}"` : v);
      const lines = rows.map((r, i) => [String(i + 1), ...columns.map(c => r[c]), s.truth(r)].map(cell).join(','));
      fs.writeFileSync(file, `${['id', ...columns, 'truth'].join(',')}\n${lines.join('\n')}\n`);
      return { name: s.name, kind: 'western', file, columns: ['id', ...columns] };
    });
}

function readRows(file) {
  const [header, ...lines] = fs.readFileSync(file, 'utf8').trimEnd().split(/\r?\n/).map(cells);
  return lines.map(l => Object.fromEntries(header.map((h, i) => [h.trim(), (l[i] ?? '').trim()])));
}

const cells = line => [...`${line},`.matchAll(/("(?:[^"]|"")*"|[^,]*),/g)].map(m => m[1].replace(/^"|"$/g, '').replaceAll('""', '"'));
