import { describe, expect, it } from 'vitest';
import { stepKinds } from '../../src/detections/tables.ts';
import type { Step } from '../../src/intrusion/steps.ts';
import { summarise, type Yield } from '../../src/intrusion/summary.ts';

const step = (kind: string, outcome: string, ips: string[] = ['192.0.2.1']): Step => ({ kind, outcome, actor: { ips } }) as unknown as Step;
const nothing: Yield = { exact: 0, partial: 0, proven: 0, shown: 0, sent: 0, targets: [], columns: new Map() };

describe('the sentences of a step', () => {
  it('every kind and outcome has whole sentences in both languages', () => {
    for (const kind of stepKinds)
      for (const outcome of ['succeeded', 'attempted', 'blocked', 'unknown'])
        for (const events of [1, 2, 12_345]) {
          const { ja, en } = summarise(step(kind, outcome), events, [], null);
          expect(ja).toMatch(/^192\.0\.2\.1 が.*。$/);
          expect(en).toMatch(/^192\.0\.2\.1 [a-z].*\.$/);
          for (const text of [ja, en]) expect(text).not.toMatch(/\{\{|intrusion:|undefined|。。|\.\./);
          expect(en).not.toMatch(/\b1 (?:requests|attempts|records)/);
          expect(`${ja} ${en}`).toContain(events === 12_345 ? '12,345' : String(events));
        }
  });

  it('what was got is said once, without zeros, and never as certain where it is not', () => {
    const columns = new Map([['agents', ['count(*)', 'login']]]);
    const exact = summarise(step('sqli-boolean', 'succeeded'), 9, [], { ...nothing, exact: 1200, columns });
    expect(exact.en).toContain('1,200');
    expect(`${exact.ja}${exact.en}`).not.toMatch(/\b0 /);
    expect(exact.en).toContain('agents: login, number of rows');
    const shown = summarise(step('sqli-union', 'unknown'), 9, [], { ...nothing, shown: 1, columns });
    expect(shown.en).toContain('1 request normally; content may have been shown');
    expect(shown.ja).toContain('可能性がある');
    const sent = summarise(step('sqli-stacked', 'unknown'), 3, [], { ...nothing, sent: 3, targets: ['http://a.example.net/{…}'] });
    expect(sent.en).toContain('whether they arrived cannot be seen');
    expect(sent.ja).toContain('http://a.example.net/{…}');
  });

  it('names the addresses of the step, not all of its actor; many are counted; none is said', () => {
    expect(summarise(step('scan', 'unknown', ['192.0.2.1', '192.0.2.2']), 5, ['192.0.2.2'], null).en).toBe(
      '192.0.2.2 searched for pages and weaknesses with an automated tool (5 requests).',
    );
    expect(summarise(step('scan', 'unknown'), 5, ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '5.5.5.5', '6.6.6.6'], null).ja).toContain(
      '4.4.4.4 ほか 2 件のアドレスが',
    );
    expect(summarise(step('xss', 'attempted', []), 5, [], null).ja).toMatch(/^発信元不明の者が/);
  });
});
