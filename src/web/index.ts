/** The case in the browser, on 127.0.0.1 only. Holds no rules of the field: it shows what the stages wrote. */
export * from './server.ts';
