import { setImmediate } from 'node:timers/promises';
import type { Effects, Micros } from '../base/index.ts';
import type { Answer, Call, Client } from './exchange.ts';
import { createHeap } from './heap.ts';
import type { DatabaseLog } from './logs/database-log.ts';
import type { LogWriter, Mark } from './logs/log-writer.ts';
import { host, type WebFormatter } from './logs/web-formats.ts';
import type { Random } from './random.ts';
import type { Truth } from './truth.ts';

/** One thing somebody does next: wait after the last answer, then send. A null call is only a pause. */
export type Step = { readonly wait: Micros; readonly client: Client | null; readonly call: Call | null };
export type Script = Generator<Step, void, Answer | null>;

/** Let `script` begin at an instant. */
export type Spawn = (atUs: Micros, script: Script) => void;

export type Play = {
  readonly spawn: Spawn;
  /** True time of the step being taken. */
  now(): Micros;
  run(): Promise<{ requests: number }>;
};

export type PlaySetting = {
  readonly endUs: Micros;
  readonly web: LogWriter;
  readonly format: WebFormatter;
  readonly skewUs: Micros;
  readonly databaseWriter: LogWriter;
  readonly database: DatabaseLog;
  readonly truth: Truth;
  readonly flip: number;
  readonly random: Random;
  readonly effects: Effects;
};

const breathe = 20_000;

/** All scripts side by side in the order of time: sends requests, writes the logs and the truth. Memory holds only open sessions. */
export function createPlay(s: PlaySetting): Play {
  const next = createHeap<{ script: Script; step: Step }>();
  let now = 0;
  let serial = 0;

  function advance(at: Micros, script: Script, answer: Answer | null): void {
    const result = script.next(answer);
    if (!result.done) next.push(at + result.value.wait, { script, step: result.value });
  }

  function send(client: Client, call: Call, start: Micros): Answer {
    const answer = call.run(client);
    const end = start + answer.tookUs;
    serial++;
    const logged = answer.other !== undefined && s.flip > 0 && s.random.chance(s.flip) ? answer.other : answer;
    const intruder = client.phase !== null;
    s.truth.request(client, start, end);
    s.truth.response(client, end, answer);
    const { phase } = client;
    const noted: Mark | undefined = phase === null ? undefined : at => at && s.truth.sent(phase, `${at.file}:${at.line}`);
    const mark: Mark | undefined =
      phase === null || answer.shown.length === 0
        ? noted
        : at => {
            noted!(at);
            s.truth.shown(answer.shown, end, at === null ? 'lost' : `${at.file}:${at.line}`);
          };
    for (const [i, statement] of answer.statements.entries()) {
      s.database.statement(start + 600 + i * 250, Math.max(start + 700 + i * 250, end - 300), statement, call.direct && i === 0 ? mark : noted);
    }
    if (call.direct) return answer;
    const text = s.format.render({
      startUs: start + s.skewUs,
      endUs: start + logged.tookUs + s.skewUs,
      ip: client.ip,
      port: client.port,
      sid: client.sid,
      method: call.method,
      target: call.target,
      status: answer.status,
      bytes: logged.bytes,
      bytesIn: call.bytesIn,
      referer:
        call.headers?.referer ?? (call.referer !== '-' && (!intruder || client.userAgent.startsWith('Mozilla')) ? `https://${host}${call.referer}` : '-'),
      userAgent: call.headers?.userAgent ?? client.userAgent,
      cookie: call.headers?.cookie ?? null,
      forwarded: call.headers?.forwarded ?? null,
      type: answer.type,
      serial,
    });
    s.web.add(end + s.skewUs, text, mark);
    return answer;
  }

  return {
    now: () => now,
    spawn: (at, script) => {
      const first = script.next(null);
      if (!first.done) next.push(at + first.value.wait, { script, step: first.value });
    },
    async run() {
      for (let n = 1; next.size > 0; n++) {
        now = next.peekKey();
        const { script, step } = next.pop();
        if (now >= s.endUs) continue;
        s.web.advance(now + s.skewUs);
        s.databaseWriter.advance(now);
        if (step.call === null || step.client === null) advance(now, script, null);
        else {
          const answer = send(step.client, step.call, now);
          advance(now + answer.tookUs, script, answer);
        }
        if (n % breathe === 0) {
          s.effects.progress({ stage: 'drill', done: serial, total: null, unit: 'requests' });
          await setImmediate();
        }
      }
      return { requests: serial };
    },
  };
}
