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
