import readline from 'node:readline';
import { type Effects, exitCodes, UserError } from '../base/index.ts';
import { normaliseAddress, normaliseDate, normaliseEmail, normaliseKana, normaliseName, normalisePhone, normalisePostalCode } from '../persons/index.ts';

const kinds: Readonly<Record<string, (line: string) => unknown>> = {
  name: line => normaliseName(line),
  kana: normaliseKana,
  address: normaliseAddress,
  phone: normalisePhone,
  email: normaliseEmail,
  'postal-code': normalisePostalCode,
  date: line => ({ original: line, date: normaliseDate(line) }),
};

/** `tadasu normalise`: one JSON object for each line of standard input, in order; an empty line gives an object too. */
export async function normalise(options: { kind: string; json?: boolean }, _effects: Effects): Promise<number> {
  const make = kinds[options.kind];
  if (!make) throw new UserError('persons.bad-kind', { kind: options.kind });
  let out = '';
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    out += `${JSON.stringify(make(line))}\n`;
    if (out.length > 65536) {
      if (!process.stdout.write(out)) await new Promise(resolve => process.stdout.once('drain', resolve));
      out = '';
    }
  }
  process.stdout.write(out);
  return exitCodes.done;
}
