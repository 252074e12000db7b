import { expect, test } from 'vitest';
import { UserError } from '../../src/base/index.ts';
import { type Closable, rebuildableCase } from '../../src/web/index.ts';

const kase = (): Closable & { closed: boolean } =>
  ({
    outDir: 'out',
    closed: false,
    close() {
      this.closed = true;
    },
  }) as Closable & { closed: boolean };

/** A promise that is kept by hand. */
function gate(): { passed: Promise<void>; open: () => void; fail: (e: Error) => void } {
  let open!: () => void;
  let fail!: (e: Error) => void;
  const passed = new Promise<void>((yes, no) => {
    open = yes;
    fail = no;
  });
  return { passed, open, fail };
}
const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

test('a rebuild is running until its results can be asked for', async () => {
  const [before, after, ran, opened] = [kase(), kase(), gate(), gate()];
  const served = rebuildableCase(
    before,
    async progress => {
      progress({ stage: 'detect', done: 1, total: 2, unit: 'steps' });
      await ran.passed;
    },
    async () => {
      await opened.passed;
      return after;
    },
  );
  expect([served.rebuildState().state, served.current()]).toEqual(['idle', before]);
  served.rebuild!();
  await turns();
  expect(served.rebuildState()).toMatchObject({ state: 'running', stage: 'detect', done: 1, total: 2 });
  expect(before.closed).toBe(true);
  expect(() => served.current()).toThrow(UserError);
  ran.open();
  await turns();
  expect(served.rebuildState().state).toBe('running');
  opened.open();
  await turns();
  expect([served.rebuildState().state, served.current()]).toEqual(['idle', after]);
});

test('a rebuild that fails says why, and the case is open again', async () => {
  const after = kase();
  const served = rebuildableCase(
    kase(),
    async () => {
      throw new UserError('case.not-found', { path: 'x' });
    },
    async () => after,
  );
  served.rebuild!();
  await turns();
  expect(served.rebuildState()).toMatchObject({ state: 'failed', error: { code: 'case.not-found' } });
  expect(served.current()).toBe(after);
});

test('a case that cannot be opened again is a failure, not a silence', async () => {
  const served = rebuildableCase(
    kase(),
    async () => {},
    async () => {
      throw new UserError('case.not-found', { path: 'x' });
    },
  );
  served.rebuild!();
  await turns();
  expect(served.rebuildState()).toMatchObject({ state: 'failed', error: { code: 'case.not-found' } });
  expect(() => served.current()).toThrow(UserError);
});
