import type { Micros } from '../base/index.ts';
import type { Statement } from './logs/database-log.ts';
import type { Carrier } from './options.ts';
import type { Handle, Row } from './tables.ts';

/** Who sends a request, as servers can see it. `phase` names the intrusion phase; null for everybody else. */
export type Client = {
  readonly ip: string;
  readonly userAgent: string;
  readonly port: number;
  readonly phase: string | null;
  sid: string | null;
  user: string | null;
  branch: string | null;
};

/** Cells that a response really showed. */
export type Shown = {
  readonly table: Handle;
  readonly rows: readonly Row[];
  readonly columns: readonly string[];
  /** Instead of rows: all keys from … to, for tables that are never held in memory. */
  readonly range?: readonly [number, number];
};

export type Answer = {
  readonly status: number;
  readonly bytes: number;
  readonly tookUs: Micros;
  readonly type: string;
  readonly endpoint: string;
  readonly statements: readonly Statement[];
  readonly shown: readonly Shown[];
  /** What a log with a flipped answer would hold instead. */
  readonly other?: { readonly bytes: number; readonly tookUs: Micros };
};

/** A request that can be sent: what goes over the wire, and what the application does with it. */
export type Call = {
  readonly method: string;
  readonly target: string;
  readonly bytesIn: number;
  readonly referer: string;
  /** Instead of what the client sends in every request. */
  readonly headers?: { readonly referer?: string; readonly userAgent?: string; readonly cookie?: string; readonly forwarded?: string };
  /** Not through the web server: only the database sees it. */
  readonly direct?: boolean;
  run(client: Client): Answer;
};

/** What injected SQL makes the server do; the text is part of the call. */
export type Injected =
  /** `otherwise`: what the answer is when it does not hold: nothing found, every row, or an error. */
  | { readonly does: 'filter'; readonly holds: boolean; readonly otherwise?: 'all' | 'error' }
  | {
      readonly does: 'sleep';
      readonly holds: boolean;
      readonly delayUs: Micros /** A statement of its own after the application's: audited apart, with the same text. */;
      readonly apart?: boolean;
    }
  | { readonly does: 'error'; readonly state: string; readonly message: string; readonly visible: boolean; readonly atParse: boolean }
  | { readonly does: 'union'; readonly replaces: boolean; readonly values: readonly (readonly (string | null)[])[]; readonly shown: Shown | null };

/** How this installation looks; chosen by seed so that nothing can rely on one. */
export type Style = {
  readonly base: string;
  readonly searchParameter: string;
  readonly reflects: boolean;
  readonly missing: 200 | 404;
  readonly pageSize: number;
  readonly encoding: 'plain' | 'double' | 'triple' | 'base64' | 'base64url' | 'json' | 'percent-u';
  readonly carrier: Carrier;
  readonly compressed: boolean;
  /** Search terms travel in the body: no log of requests holds them. */
  readonly bodies: boolean;
};

export type Dialected = 'postgresql' | 'mysql' | 'other';
