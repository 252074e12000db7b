import fs from 'node:fs';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { langs, t } from '../../src/base/index.ts';
import { decisions, openResult } from '../../src/case/index.ts';
import type { ProofNode } from '../../src/exposure/index.ts';
import type { Result } from '../../src/result.ts';
import { type RunningServer, type ServedCase, shownCase, startServer, webApp } from '../../src/web/index.ts';
import { serveCase, tadasu, tinyDrill } from '../fixtures/run.ts';

const chromiumPath = '/usr/bin/chromium';
let kase: Awaited<ReturnType<typeof openResult>>;
let served: ServedCase;
let server: RunningServer;
let result: Result;

beforeAll(async () => {
  const dir = await tinyDrill({ scenario: 'full-chain', seed: 2 });
  const ran = await tadasu(['investigate', path.join(dir, 'case.yaml')]);
  if (ran.code > 1) throw new Error(ran.stderr);
  kase = await openResult(path.join(dir, 'tadasu-out'), { threads: 1 });
  result = JSON.parse(fs.readFileSync(path.join(dir, 'tadasu-out', 'result.json'), 'utf8')) as Result;
  served = shownCase(kase);
  server = await startServer(served, 0);
});

afterAll(async () => {
  await server?.close();
  kase?.close();
});

describe('the API', () => {
  const get = async (url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown; headers: Headers }> => {
    const response = await webApp(served).request(url, { headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text };
  };

  test('every answer has one shape, also for nonsense', async () => {
    expect((await get('/api/result')).body).toEqual(result);
    const first = result.intrusion.steps[0]!;
    const events = (await get(`/api/steps/${first.id}/events?limit=3`)).body as { rows: { file: string; line: number }[]; next: number | null };
    expect(events.rows.length).toBe(Math.min(3, first.events));
    const place = events.rows[0]!;
    const line = (await get(`/api/line?file=${encodeURIComponent(place.file)}&line=${place.line}`)).body as { text: string; line: number };
    const raw = fs.readFileSync(path.join(kase.caseDir, place.file), 'utf8').split('\n')[line.line - 1]!;
    expect(line.text).toBe(raw.replace(/\r$/, ''));
    for (const bad of [
      '/api/line?file=../../etc/passwd&line=1',
      '/api/line?file=x&line=0',
      '/api/line?file=x&line=abc',
      '/api/steps/x/events?limit=9999',
      '/api/timeline?buckets=-1',
      '/api/explain?ref=',
      '/api/nope',
      "/api/steps/'%20or%201=1--/events?after=abc",
    ]) {
      const { status, body } = await get(bad);
      expect([bad, status]).toEqual([bad, expect.toBeOneOf([400, 404])]);
      expect(body).toMatchObject({ error: { code: expect.any(String), params: expect.any(Object) } });
    }
  });

  test('each step names its rules, with author and licence, and every figure they were judged by has its word', async () => {
    for (const step of result.intrusion.steps) {
      const list = (await get(`/api/steps/${step.id}/detections`)).body as {
        detection_id: string;
        rule_id: string;
        author: string;
        licence: string;
        facts: object;
      }[];
      expect(list.map(d => d.detection_id).sort()).toEqual(step.detections);
      expect(new Set(list.map(d => d.rule_id))).toEqual(new Set(step.rules.map(r => r.id)));
      for (const d of list) {
        expect([d.rule_id, d.author.length > 0, d.licence.length > 0]).toEqual([d.rule_id, true, true]);
        for (const lang of langs) for (const fact of Object.keys(d.facts)) expect(t(lang, `detections:fact.${fact}`)).not.toBe('');
      }
    }
  });

  test('what the injections of each step obtained is counted by column, without the values', async () => {
    const recovered = fs
      .readFileSync(path.join(kase.outDir, 'recovered.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { step: string; status: string });
    const all = [];
    for (const step of result.intrusion.steps) {
      const rows = (await get(`/api/steps/${step.id}/recovered`)).body as Record<'exact' | 'partial' | 'attempted', number>[];
      const own = recovered.filter(r => r.step === step.id);
      for (const k of ['exact', 'partial', 'attempted'] as const)
        expect([step.id, k, rows.reduce((n, r) => n + r[k], 0)]).toEqual([step.id, k, own.filter(r => r.status === k).length]);
      all.push(...rows);
    }
    expect(all.length).toBeGreaterThan(0);
    for (const row of all) expect(Object.keys(row)).not.toContain('value');
  });

  test('what a page asks for at once is answered as if it were asked for alone', async () => {
    const urls = result.intrusion.steps.flatMap(s => ['events', 'detections', 'recovered'].map(what => `/api/steps/${s.id}/${what}`));
    const alone = [];
    for (const url of urls) alone.push((await get(url)).body);
    expect(await Promise.all(urls.map(async url => (await get(url)).body))).toEqual(alone);
  });

  test('why a figure is what it is says the figure by its name and each claim by its rule', async () => {
    const why = async (figure: string): Promise<ProofNode> => (await get(`/api/explain?ref=figure:${figure}`)).body as ProofNode;
    const { figures, datasets, combinations, roles } = result.exposure;
    const all = await why('records.executed');
    expect(all.text.ja).toMatch(new RegExp(`^「確認\\+実行」の件数は ${figures.records.executed.toLocaleString('en-US')} 件です。`));
    expect(all.text.en).toContain(`Records “Confirmed + executed”: ${figures.records.executed.toLocaleString('en-US')}`);
    const claims = all.children.flatMap(d => d.children);
    expect(claims.length).toBeGreaterThan(0);
    for (const claim of claims) expect(claim.text.ja).toMatch(/^[\d,]+ 件: ./);
    const { lower, upper } = figures.persons.possible;
    expect((await why('persons.possible')).text.ja).toContain(`は ${lower.toLocaleString('en-US')} 人から ${upper.toLocaleString('en-US')} 人です`);
    const name = t('ja', `common:element.${combinations[0]!.elements[0]}`);
    expect((await why('combinations.0.persons')).text.ja).toMatch(new RegExp(`^${name}.*の人数は`));
    expect((await why(`roles.${roles[0]!.role}.records.upper`)).text.ja).toContain(`${t('ja', `common:role.${roles[0]!.role}`)}の件数(可能性あり)`);
    const d = datasets.find(x => x.records.executed > 0)!;
    const c = d.columns.find(x => x.executed > 0)!;
    expect((await why(`datasets.${d.id}.${c.name}.executed`)).text.ja).toContain(`${d.id} の列 ${c.name}`);
  });

  test('files outside the case cannot be named, other hosts are refused, pages carry a policy', async () => {
    for (const url of [
      '/documents/../case.sqlite',
      '/documents/%2e%2e/case.sqlite',
      '/documents/keys/private.pem',
      '/documents/reports/..%2f..%2fcase.sqlite',
      '/assets/..%2f..%2fpackage.json',
      '/fonts/..%2f..%2fpackage.json',
    ]) {
      const { status, body } = await get(url);
      expect([url, status === 404 || (typeof body === 'string' && body.includes('<div id="root">'))]).toEqual([url, true]);
    }
    expect((await get('/api/result', { host: 'evil.example' })).status).toBe(403);
    const page = await get('/');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect((await get('/documents/report.html')).status).toBe(200);
  });

  test('a decision is written down with its name; nonsense and other origins write nothing', async () => {
    const send = async (body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> => {
      const response = await webApp(served).request('/api/decisions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    };
    const before = kase.store.acts().length;
    const step = result.intrusion.steps[0]!;
    const good = { kind: 'step.confirmed', by: '佐藤', words: [step.id], fields: { reason: '確認した' } };
    expect((await send(good, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await send(good, { host: 'evil.example' })).status).toBe(403);
    expect((await send({ ...good, by: '' })).status).toBe(400);
    expect((await send({ ...good, kind: 'evidence.received' })).status).toBe(400);
    expect((await send({ ...good, words: ['step-of-another-case'] })).body).toMatchObject({ error: { code: 'case.decision-no-subject' } });
    expect((await send({ ...good, fields: { step_id: 'step-of-another-case' } })).status).toBe(400);
    expect((await send('{')).status).toBe(400);
    expect((await send('x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect(kase.store.acts().length).toBe(before);
    expect(await send(good)).toMatchObject({ status: 200, body: { kind: 'step.confirmed', by: '佐藤', body: { step_id: step.id, reason: '確認した' } } });
    const { body } = await get('/api/decisions');
    expect(body).toMatchObject({ stale: true, rebuildable: false, decisions: [{ kind: 'step.confirmed', followed: false, withdrawnBy: null }] });
    const { seq } = decisions(kase.store)[0]!;
    expect((await send({ kind: 'decision.withdrawn', by: '佐藤', words: [String(seq)], fields: {} })).status).toBe(200);
    expect((await get('/api/decisions')).body).toMatchObject({ stale: false });
  });

  test('the figure of every level can be explained', async () => {
    for (const ref of [
      'figure:records.confirmed',
      'figure:records.executed',
      'figure:records.possible',
      'figure:records.not_excluded',
      'figure:persons.executed',
    ]) {
      const { status, body } = await get(`/api/explain?ref=${ref}`);
      expect([ref, status, JSON.stringify(body).length > 50]).toEqual([ref, 200, true]);
    }
  });
});

describe.skipIf(!fs.existsSync(chromiumPath))('in a real browser (needs Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  afterAll(() => browser?.close());

  async function open(url: string): Promise<{ page: Page; errors: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', e => errors.push(e.message));
    page.on('console', m => m.type() === 'error' && errors.push(m.text()));
    page.on(
      'request',
      r => new URL(r.url()).origin !== new URL(url, server.url).origin && !r.url().startsWith('data:') && errors.push(`outside request ${r.url()}`),
    );
    await page.goto(new URL(url, server.url).href);
    await page.waitForSelector('h1');
    return { page, errors };
  }

  test('the overview shows the three figures of result.json, and each opens its explanation', async () => {
    const { page, errors } = await open('/');
    await page.waitForSelector('.card.executed .n');
    const shown = await page.locator('.cards .card p:nth-of-type(2) .n').allInnerTexts();
    const { records } = result.exposure.figures;
    expect(shown).toEqual([records.confirmed, records.executed, records.not_excluded].map(n => n.toLocaleString('en-US')));
    await page.locator('.card.executed p:nth-of-type(2) a').click();
    await page.waitForSelector('.proof li');
    expect(page.url()).toContain('why=');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
    expect(errors).toEqual([]);
    await page.close();
  });

  test('evidence opens from a step down to the line as it stands in the file', async () => {
    const { page, errors } = await open('/');
    await page.locator('table .place').first().click();
    const text = await page.locator('.raw').innerText();
    const [file, line] = (await page.locator('.drawer .soft code').innerText()).split(/:(?=\d+$)/);
    expect(fs.readFileSync(path.join(kase.caseDir, file!), 'utf8').split('\n').slice(0, Number(line)).at(-1)).toContain(text.slice(0, 60));
    expect(errors).toEqual([]);
    await page.close();
  });

  test('keyboard: g t to the timeline, ? for help, Escape back; the language switches and stays', async () => {
    const { page, errors } = await open('/');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.waitForURL('**/timeline');
    await page.waitForSelector('.chart svg');
    await page.keyboard.press('?');
    await page.waitForSelector('.keys');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'English' }).click();
    await expect.poll(() => page.locator('h1').innerText()).toBe('Timeline');
    await page.reload();
    await expect.poll(() => page.locator('h1').innerText()).toBe('Timeline');
    expect(errors).toEqual([]);
    await page.close();
  });

  test('a step is set aside on the page, the results are rebuilt without it, and come back when that is withdrawn', async () => {
    const dir = await tinyDrill({ scenario: 'full-chain', seed: 4 });
    const outDir = path.join(dir, 'tadasu-out');
    expect((await tadasu(['investigate', path.join(dir, 'case.yaml')])).code).toBeLessThan(2);
    const read = (): Result => JSON.parse(fs.readFileSync(path.join(outDir, 'result.json'), 'utf8')) as Result;
    const before = read();
    const step = before.intrusion.steps.find(s => s.outcome === 'succeeded')!;
    const serving = await serveCase(outDir);
    try {
      const { page, errors } = await open(new URL(`/steps/${step.id}`, serving.url).href);
      await page.getByRole('button', { name: '手口の段階を除外' }).click();
      await page.getByLabel('判断した人').fill('佐藤 花子');
      await page.getByLabel('理由').fill('社内の診断でした');
      await page.getByRole('dialog').getByRole('button', { name: '記録する' }).click();
      await page.getByRole('button', { name: '再計算する' }).click();
      await page.waitForSelector('.banner', { state: 'detached', timeout: 280_000 });
      expect(read().intrusion.steps.map(s => s.id)).not.toContain(step.id);
      expect(read().decisions).toMatchObject([{ kind: 'step.dismissed', by: '佐藤 花子', body: { step_id: step.id } }]);

      await page.goto(new URL('/decisions', serving.url).href);
      await page.getByRole('button', { name: '取り消す' }).click();
      await page.getByRole('dialog').getByRole('button', { name: '記録する' }).click();
      await page.getByRole('button', { name: '再計算する' }).click();
      await page.waitForSelector('.banner', { state: 'detached', timeout: 280_000 });
      expect(read()).toEqual({ ...before, run: expect.anything() });
      expect(errors).toEqual([]);
      await page.close();
    } finally {
      await serving.stop();
    }
  });

  test.each(['/', '/timeline', '/exposure', '/evidence', '/problems', '/decisions', '/revisions'])(
    '%s has no accessibility violation axe can find',
    async url => {
      const { page } = await open(url);
      await page.waitForLoadState('networkidle');
      const { violations } = await new AxeBuilder({ page: page as never }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
      expect(violations.map(v => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
      await page.close();
    },
  );
});
