import { eventClass, outcome, timeKind } from '../columns.ts';
import type { EventSink, Framer, RecordParser, Source, SourceEntry } from '../source.ts';
import { type Chunk, newChunk, readBinXml } from './evtx-binxml.ts';
import { fileTimeMicros } from './evtx-values.ts';
import { put, putIp, putNumber, putPort } from './row.ts';
import { civilOf } from './stamp.ts';

const fileMark = [0x45, 0x6c, 0x66, 0x46, 0x69, 0x6c, 0x65, 0];
const chunkMark = [0x45, 0x6c, 0x66, 0x43, 0x68, 0x6e, 0x6b, 0];
const recordMark = [0x2a, 0x2a, 0, 0];
const fileHeader = 4096;
const chunkHeader = 512;

function has(bytes: Uint8Array, at: number, to: number, mark: readonly number[]): boolean {
  if (at + mark.length > to) return false;
  for (let i = 0; i < mark.length; i++) if (bytes[at + i] !== mark[i]) return false;
  return true;
}

const uint32 = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** File header, chunk headers, event records, and the slack between them, each one piece. */
export const evtxFramer: Framer = (bytes, from, to, atEnd) => {
  const clip = (end: number): number => (end <= to ? end : atEnd ? to : -1);
  if (to - from < 16 && !atEnd) return -1;
  if (has(bytes, from, to, fileMark)) return clip(from + fileHeader);
  if (has(bytes, from, to, chunkMark)) return clip(from + chunkHeader);
  if (has(bytes, from, to, recordMark) && from + 8 <= to) {
    const size = uint32(bytes, from + 4);
    if (size >= 28 && size <= 65536) return clip(from + size);
  }
  for (let i = from + 4; i + 8 <= to; i++) {
    if (bytes[i] === 0x45 && has(bytes, i, to, chunkMark)) return i;
    if (bytes[i] === 0x2a && has(bytes, i, to, recordMark)) {
      const size = uint32(bytes, i + 4);
      if (size >= 28 && size <= 65536) return i;
    }
  }
  if (atEnd) return to;
  return to - from > 65536 + 16 ? to - 8 : -1;
};

function open(): RecordParser {
  let chunk: Chunk = newChunk();
  let at = 0;
  let free = 65536;
  let dirty = true;
  let lastId: bigint | null = null;
  let incomplete = 0;
  return {
    parse(bytes, from, to, sink) {
      if (has(bytes, from, to, fileMark)) {
        dirty = to - from < 124 || (uint32(bytes, from + 120) & 1) === 1;
        return 'meta';
      }
      if (has(bytes, from, to, chunkMark)) {
        chunk = newChunk();
        chunk.bytes.set(bytes.subarray(from, Math.min(to, from + chunkHeader)));
        at = chunkHeader;
        free = chunk.view.getUint32(48, true);
        lastId = null;
        return 'meta';
      }
      if (!has(bytes, from, to, recordMark) || to - from < 28) {
        at = Math.min(65536, at + (to - from));
        return blank(bytes, from, to) ? 'meta' : { unparsed: 'chunk-slack' };
      }
      const start = at;
      const size = uint32(bytes, from + 4);
      const have = Math.min(to - from, 65536 - start);
      if (have < 28) return { unparsed: 'outside-chunk' };
      chunk.bytes.set(bytes.subarray(from, from + have), start);
      const id = chunk.view.getBigUint64(start + 8, true);
      // Behind the free space mark lie remains of older events, unless the file was not closed and the mark is old.
      if (start >= free && !(dirty && lastId !== null && id === lastId + 1n)) {
        at = Math.min(65536, start + (to - from));
        return { unparsed: 'chunk-slack' };
      }
      lastId = id;
      at = Math.min(65536, start + size);
      const event = readBinXml(chunk, start + 24, Math.min(start + Math.max(28, Math.min(size, have)) - 4, 65536));
      const written = chunk.view.getBigUint64(start + 16, true);
      if (event.fields.size === 0) return { unparsed: 'bad-binary-xml' };
      if (!event.complete) {
        incomplete++;
        sink.number('truncated', 1);
      }
      writeEvent(event.fields, fileTimeMicros(written), id, sink);
      return 'event';
    },
    finish: () => ({ incomplete_records: incomplete }),
  };
}

function blank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Event ids of the Security and TerminalServices channels that are sign-ins, with their outcome. */
const signIns: Readonly<Record<string, readonly [string, number]>> = {
  4624: ['login', outcome.success],
  4625: ['login', outcome.failure],
  4634: ['logout', outcome.unknown],
  4647: ['logout', outcome.unknown],
  4648: ['login-explicit', outcome.unknown],
  4768: ['kerberos-tgt', outcome.unknown],
  4769: ['kerberos-service', outcome.unknown],
  4771: ['kerberos-preauth', outcome.failure],
  4776: ['ntlm', outcome.unknown],
  1149: ['rdp-login', outcome.success],
  21: ['rdp-session', outcome.success],
};

function writeEvent(fields: ReadonlyMap<string, string>, written: number | null, recordId: bigint, sink: EventSink): void {
  const f = (key: string): string | undefined => fields.get(key);
  const created = f('System.TimeCreated.SystemTime');
  const us = created ? microsOf(created) : written;
  if (us !== null) sink.number('time_us', us);
  const id = f('System.EventID') ?? '';
  const channel = f('System.Channel') ?? '';
  putNumber(sink, 'seq', Number(f('System.EventRecordID') ?? recordId));
  put(sink, 'conn_id', channel);
  put(sink, 'host', f('System.Computer'));
  put(sink, 'app_name', f('System.Provider.Name'));
  put(sink, 'level', f('System.Level'));
  const data = (...names: string[]): string | undefined =>
    names.map(n => f(`EventData.${n}`) ?? f(`UserData.EventXML.${n}`)).find(v => v !== undefined && v !== '' && v !== '-');
  const rdp = channel.includes('TerminalServices');
  const known = signIns[id];
  const auth = known && (channel === 'Security' || (rdp && (id === '1149' || id === '21')));
  put(sink, 'account', data('TargetUserName', 'SubjectUserName', 'User', 'Param1', 'UserName'));
  putIp(sink, data('IpAddress', 'SourceIp', 'Param3', 'Address', 'ClientAddress'));
  putPort(sink, data('IpPort', 'SourcePort'));
  put(sink, 'auth_method', data('LogonType', 'AuthenticationPackageName'));
  put(sink, 'session', data('TargetLogonId', 'LogonId', 'LogonGuid'));
  put(sink, 'action', auth ? known[0] : id === '1102' || (id === '104' && channel === 'System') ? 'log-cleared' : `${channel || 'event'}/${id}`);
  if (auth) sink.number('outcome', known[1]);
  sink.number('class', auth ? eventClass.auth : classes(channel, id));
  put(sink, 'message', data('CommandLine', 'ScriptBlockText', 'Image', 'TargetFilename', 'ProcessName'));
  sink.text('extra', JSON.stringify(shortNames(fields)));
}

function classes(channel: string, id: string): number {
  if (id === '4688' || (channel.includes('Sysmon') && id === '1')) return eventClass.process;
  if (channel.includes('Sysmon') && (id === '3' || id === '22')) return eventClass.net;
  if ((channel.includes('Sysmon') && (id === '11' || id === '23' || id === '15')) || id === '4663') return eventClass.file;
  return eventClass.app;
}

/** `System.EventID` → `EventID`, `EventData.CommandLine` → `CommandLine`; Sigma and Windows people use these names. */
function shortNames(fields: ReadonlyMap<string, string>): Record<string, string> {
  const out: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [path, value] of fields) {
    const short = path === 'System.Provider.Name' ? 'Provider_Name' : path.replace(/^(?:System|EventData|UserData\.[^.]+|UserData)\./, '');
    out[Object.hasOwn(out, short) ? path : short] = value;
  }
  return out;
}

function microsOf(text: string): number | null {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (!m) return null;
  return civilOf(+m[1]!, +m[2]!, +m[3]!, +m[4]!, +m[5]!, +m[6]!, m[7]);
}

/** Windows event logs (.evtx). One record is one event; chunk-wide names and templates are kept while a chunk is read. */
export const evtx: Source = {
  name: 'evtx',
  kind: 'events',
  timeKind: timeKind.write,
  resolutionUs: 1,
  bytesKind: 4,
  blindTo: ['message-texts'],
  independent: false,
  framing: evtxFramer,
  binary: true,
  open,
};

export const evtxEntry: SourceEntry = {
  source: evtx,
  sniff: sample => (has(sample.head, 0, sample.head.length, fileMark) ? 1 : 0),
};
