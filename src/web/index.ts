/** The case in the browser, on 127.0.0.1 only. Holds no rules of the field: it shows what the stages wrote. */

export { type Closable, rebuildableCase, type ServedCase, shownCase } from './served-case.ts';
export * from './server.ts';
