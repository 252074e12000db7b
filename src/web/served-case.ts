import type { Effects, Problem } from '../base/index.ts';
import { UserError } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';

export type Closable = OpenCase & { close(): void };

/** How far a rebuild of the results has come; `failed` keeps the sentence of the error. */
export type Rebuild = {
  readonly state: 'idle' | 'running' | 'failed';
  readonly stage: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly error: { readonly code: string; readonly params: Problem['params'] } | null;
};

/** The case behind the pages: one that can be rebuilt is closed and opened anew while the server runs. */
export type ServedCase = {
  readonly outDir: string;
  /** @throws UserError web.rebuilding while the results are being rebuilt */
  current(): OpenCase;
  rebuildState(): Rebuild;
  /** Start a rebuild in the background; null where the server only shows. */
  readonly rebuild: (() => void) | null;
  close(): Promise<void>;
};

const idle: Rebuild = { state: 'idle', stage: null, done: 0, total: null, error: null };

/** What went wrong, as a sentence's code; what nobody foresaw goes to the terminal with its place. */
async function failure(act: () => Promise<void>): Promise<Rebuild['error']> {
  try {
    await act();
    return null;
  } catch (error) {
    if (error instanceof UserError) return { code: error.code, params: error.params };
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return { code: 'web.internal', params: {} };
  }
}

/** A case that is only shown. */
export function shownCase(kase: Closable): ServedCase {
  return { outDir: kase.outDir, current: () => kase, rebuildState: () => idle, rebuild: null, close: async () => kase.close() };
}

/**
 * A case that is investigated again when somebody asks: `run` gets the effects to report to and leaves the results on disk,
 * `open` opens them. Requests meanwhile are told to wait.
 */
export function rebuildableCase(kase: Closable, run: (progress: Effects['progress']) => Promise<void>, open: () => Promise<Closable>): ServedCase {
  let current: Closable | null = kase;
  let state = idle;
  let work: Promise<void> = Promise.resolve();
  const { outDir } = kase;
  const again = async (): Promise<void> => {
    current?.close();
    current = null;
    const failed = await failure(() =>
      run(p => {
        state = { state: 'running', stage: p.stage, done: p.done, total: p.total, error: null };
      }),
    );
    const closed = await failure(async () => {
      current = await open();
    });
    // Only now: a page that hears of the end asks for the results at once.
    const error = failed ?? closed;
    state = error === null ? idle : { ...idle, state: 'failed', error };
  };
  return {
    outDir,
    current() {
      if (current === null) throw new UserError('web.rebuilding');
      return current;
    },
    rebuildState: () => state,
    rebuild() {
      if (state.state === 'running') return;
      state = { ...idle, state: 'running' };
      work = again();
    },
    async close() {
      await work;
      current?.close();
    },
  };
}
