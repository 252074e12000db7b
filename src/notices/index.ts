/** Stage ⑨: what each person is told. Reads persons, exposure and column meanings; writes draft letters. Nothing is sent. */
export * from './addressees.ts';
export * from './draft-notices.ts';
export * from './letter.ts';
