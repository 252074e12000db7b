// npm run bench NAME [arguments]: runs bench/NAME.mjs.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'bench');
const names = fs
  .readdirSync(folder)
  .filter(f => f.endsWith('.mjs'))
  .map(f => f.slice(0, -4))
  .sort();
const [name, ...rest] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`usage: npm run bench -- ${names.join('|')} [arguments]`);
  process.exit(2);
}
const { bench } = await import(path.join(folder, `${name}.mjs`));
await bench(rest);
