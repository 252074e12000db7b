import type { Micros } from '../../base/index.ts';
import type { WebFormat } from '../options.ts';
import { clfStamp, haproxyStamp, isoMicros, isoMillis, syslogStamp, utcParts } from './stamps.ts';

/** One answered request as the web server knows it. `target` is as sent (percent-encoded). */
export type WebRecord = {
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly ip: string;
  readonly port: number;
  readonly sid: string | null;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** Body bytes. */
  readonly bytes: number;
  readonly bytesIn: number;
  readonly referer: string;
  readonly userAgent: string;
  /** A cookie beside the session's, as `name=value`. */
  readonly cookie: string | null;
  readonly forwarded: string | null;
  readonly type: string;
  /** Unique in the run. */
  readonly serial: number;
};

export type WebFormatter = {
  readonly header: string;
  render(r: WebRecord): string /** YAML for `format:` (and `fields:`) in the case file. */;
  readonly yaml: string;
};

/** The site's name. */
export const host = 'quote.example-insurance.jp';

/** Response head as a load balancer or IIS counts it: fixed but for the digits of the length. */
const headBytes = (r: WebRecord): number => 214 + String(r.bytes).length + r.type.length;
const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');

function splitTarget(target: string): [string, string] {
  const i = target.indexOf('?');
  return i < 0 ? [target, ''] : [target.slice(0, i), target.slice(i + 1)];
}

/** Quotes, backslashes, control characters and bytes above ASCII as both servers write them. */
const clfEscape = (text: string): string =>
  /^[ !#-[\]-~]*$/.test(text)
    ? text
    : [...Buffer.from(text, 'utf8')]
        .map(b => (b === 34 || b === 92 || b < 32 || b > 126 ? `\\x${b.toString(16).toUpperCase().padStart(2, '0')}` : String.fromCharCode(b)))
        .join('');

const clf = (r: WebRecord, stamp: Micros, empty: string): string =>
  `${r.ip} - - [${clfStamp(stamp)}] "${r.method} ${r.target} HTTP/1.1" ${r.status} ${r.bytes === 0 ? empty : r.bytes} "${clfEscape(r.referer)}" "${clfEscape(r.userAgent)}"`;

const seconds = (us: Micros): string => (us / 1e6).toFixed(3);

const iisFields =
  'date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken';
const cloudfrontFields =
  'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end';

const plus = (text: string): string => text.replaceAll(' ', '+');
const edgeEscape = (text: string): string =>
  text.replace(/[%" \u0000-\u001f\u0080-\uffff]+/g, part =>
    [...Buffer.from(part, 'utf8')].map(b => `%${b.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );

export const timedFormat =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time "$cookie_sid"';

const formatters: Record<WebFormat, WebFormatter> = {
  'nginx-combined': { header: '', yaml: 'format: nginx-combined', render: r => clf(r, r.endUs, '0') },
  'apache-combined': { header: '', yaml: 'format: apache-combined', render: r => clf(r, r.startUs, '-') },
  'nginx-timed': { header: '', yaml: `format: '${timedFormat}'`, render: r => `${clf(r, r.endUs, '0')} ${seconds(r.endUs - r.startUs)} "${r.sid ?? '-'}"` },
  'iis-w3c': {
    header: `#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Fields: ${iisFields}`,
    yaml: 'format: iis-w3c',
    render(r) {
      const { date, time } = utcParts(r.endUs);
      const [stem, query] = splitTarget(r.target);
      return `${date} ${time} 10.0.1.5 ${r.method} ${stem} ${query || '-'} 443 - ${r.ip} ${plus(r.userAgent)} ${plus(r.referer)} ${r.status} 0 0 ${r.bytes + headBytes(r)} ${r.bytesIn} ${Math.floor((r.endUs - r.startUs) / 1000)}`;
    },
  },
  'aws-alb': {
    header: '',
    yaml: 'format: aws-alb',
    render(r) {
      const took = Math.max(0.001, (r.endUs - r.startUs) / 1e6 - 0.001).toFixed(3);
      return `https ${isoMicros(r.endUs)} app/quote-alb/50dc6c495c0c9188 ${r.ip}:${r.port} 10.0.1.5:80 0.000 ${took} 0.000 ${r.status} ${r.status} ${r.bytesIn} ${r.bytes + headBytes(r)} "${r.method} https://${host}:443${r.target} HTTP/1.1" "${r.userAgent}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/quote/73e2d6bc24d8a067 "Root=1-${hex(Math.floor(r.startUs / 1e6), 8)}-${hex(r.serial, 24)}" "${host}" "session-reused" 0 ${isoMicros(r.startUs)} "forward" "-" "-" "10.0.1.5:80" "${r.status}" "-" "-" TID_${hex(r.serial, 32)}`;
    },
  },
  'aws-cloudfront': {
    header: `#Version: 1.0\n#Fields: ${cloudfrontFields}`,
    yaml: 'format: aws-cloudfront',
    render(r) {
      const { date, time } = utcParts(r.endUs);
      const [stem, query] = splitTarget(r.target);
      const took = seconds(r.endUs - r.startUs);
      return [
        date,
        time,
        'NRT57-P3',
        r.bytes + headBytes(r),
        r.ip,
        r.method,
        'd111111abcdef8.cloudfront.net',
        stem,
        r.status,
        edgeEscape(r.referer),
        edgeEscape(r.userAgent),
        query || '-',
        [...(r.sid === null ? [] : [`sid=${r.sid}`]), ...(r.cookie === null ? [] : [r.cookie])].join(';%20') || '-',
        r.status >= 400 ? 'Error' : 'Miss',
        `${hex(r.serial, 12)}rA9x2Q==`,
        host,
        'https',
        r.bytesIn,
        took,
        r.forwarded === null ? '-' : edgeEscape(r.forwarded),
        'TLSv1.3',
        'TLS_AES_128_GCM_SHA256',
        r.status >= 400 ? 'Error' : 'Miss',
        'HTTP/2.0',
        '-',
        '-',
        r.port,
        took,
        r.status >= 400 ? 'Error' : 'Miss',
        r.type,
        r.bytes,
        '-',
        '-',
      ].join('\t');
    },
  },
  haproxy: {
    header: '',
    yaml: 'format: haproxy',
    render(r) {
      const took = Math.floor((r.endUs - r.startUs) / 1000);
      return `${syslogStamp(r.endUs)} lb1 haproxy[2214]: ${r.ip}:${r.port} [${haproxyStamp(r.startUs)}] fe_https~ be_quote/web1 0/0/0/${took}/${took} ${r.status} ${r.bytes + headBytes(r)} - - ---- 12/12/3/2/0 0/0 "${r.method} ${r.target} HTTP/1.1"`;
    },
  },
  jsonl: {
    header: '',
    yaml: 'format: jsonl, fields: { time_us: time, src_ip: ip, method: method, target: url, status: status, bytes_out: bytes, duration_us: { path: ms, format: ms }, user_agent: agent, referer: referer, session: sid }',
    render: r =>
      JSON.stringify({
        time: isoMillis(r.startUs),
        ip: r.ip,
        method: r.method,
        url: r.target,
        status: r.status,
        bytes: r.bytes,
        ms: (r.endUs - r.startUs) / 1000,
        agent: r.userAgent,
        referer: r.referer === '-' ? null : r.referer,
        sid: r.sid,
        ...(r.cookie !== null && { cookie: r.cookie }),
      }),
  },
};

/** How one web format is written and declared. */
export function webFormatter(format: WebFormat): WebFormatter {
  return formatters[format];
}
