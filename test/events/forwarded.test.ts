import { expect, test } from 'vitest';
import { sql } from '../../src/engine/index.ts';
import { clientBehind } from '../../src/events/forwarded.ts';
import { ingestCase } from './ingest-case.ts';

test('whom a proxy of the site names is the client; a header of somebody outside is only what he wrote', () => {
  expect(clientBehind('10.8.0.2', '203.0.113.9')).toBe('203.0.113.9');
  expect(clientBehind('fd00::1', '2001:DB8:0::9, 192.168.0.4, 10.8.0.1')).toBe('2001:db8::9');
  expect(clientBehind('10.8.0.2', '198.51.100.1, 203.0.113.9')).toBe('203.0.113.9');
  expect(clientBehind('10.8.0.2', "1' or 1=1--, 203.0.113.9:5123")).toBe('203.0.113.9');
  expect(clientBehind('10.8.0.2', '203.0.113.9, unknown')).toBeNull();
  expect(clientBehind('10.8.0.2', '192.168.7.7')).toBe('192.168.7.7');
  expect(clientBehind('203.0.113.5', '198.51.100.1')).toBeNull();
  expect(clientBehind('172.32.0.1', '198.51.100.1')).toBeNull();
  expect(clientBehind('10.8.0.2', '')).toBeNull();
});

test('proxies from outside that stand before every request are passed over; what the client wrote himself is not', () => {
  expect(clientBehind('10.8.0.2', '203.0.113.9, 172.70.1.9', 1)).toBe('203.0.113.9');
  expect(clientBehind('10.8.0.2', '6.6.6.6, 203.0.113.9, 172.70.1.9, 10.8.0.1', 1)).toBe('203.0.113.9');
  expect(clientBehind('10.8.0.2', '203.0.113.9', 1)).toBe('203.0.113.9');
});

test('a log behind a content network is read by its clients, one in which somebody writes the header himself is too', async () => {
  const line = (i: number, agent: string, forwarded: string): string =>
    `10.8.0.2 - - [22/Nov/2026:15:53:${10 + (i % 50)} +0900] "GET /a${i} HTTP/1.1" 200 234 "-" "${agent}" "${forwarded}"`;
  const clients = async (forwarded: (client: string, i: number) => string, attacker = ''): Promise<string[]> => {
    const lines = Array.from({ length: 60 }, (_, i) => line(i, `Agent ${i % 5}`, forwarded(`203.0.113.${i % 6}`, i)));
    const his = attacker === '' ? [] : Array.from({ length: 12 }, (_, i) => line(i, 'curl', `9.9.9.${i}, ${forwarded(attacker, i)}`));
    const { kase, close } = await ingestCase([{ name: 'access.log', bytes: `${[...lines, ...his].join('\n')}\n`, format: 'nginx-main' }]);
    const rows = await kase.engine.rows<{ src_ip: string }>('test', sql`select distinct src_ip from event order by 1`);
    close();
    return rows.map(r => r.src_ip);
  };
  const people = Array.from({ length: 6 }, (_, i) => `203.0.113.${i}`);
  expect(await clients((client, i) => `${client}, 172.70.1.${i % 3}`, '198.51.100.66')).toEqual(['198.51.100.66', ...people]);
  expect(await clients(client => client, '198.51.100.66')).toEqual(['198.51.100.66', ...people]);
});

test('a log of a server behind a balancer is read by its clients', async () => {
  const line = (peer: string, forwarded: string): string => `${peer} - - [22/Nov/2026:15:53:33 +0900] "GET /a HTTP/1.1" 200 234 "-" "Firefox" "${forwarded}"`;
  const given = [
    line('10.8.0.2', '203.0.113.9'),
    line('10.8.0.3', '203.0.113.9'),
    line('10.8.0.2', '-'),
    line('198.51.100.8', '203.0.113.9'),
    line('10.8.0.2', '10.8.0.2'),
  ];
  const { kase, close } = await ingestCase([{ name: 'access.log', bytes: `${given.join('\n')}\n`, format: 'nginx-main' }]);
  const rows = await kase.engine.rows<{ src_ip: string; proxy_ip: string | null; forwarded: string | null; client_key: number }>(
    'test',
    sql`select src_ip, proxy_ip, forwarded, client_key from event order by event_id`,
  );
  expect(rows.map(r => [r.src_ip, r.proxy_ip, r.forwarded])).toEqual([
    ['203.0.113.9', '10.8.0.2', '203.0.113.9'],
    ['203.0.113.9', '10.8.0.3', '203.0.113.9'],
    ['10.8.0.2', null, null],
    ['198.51.100.8', null, '203.0.113.9'],
    ['10.8.0.2', null, '10.8.0.2'],
  ]);
  expect(rows[0]!.client_key).toBe(rows[1]!.client_key);
  close();
});
