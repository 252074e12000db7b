/**
 * Who, since when, until when, by which steps; what did injections obtain. Reads `event`, `detection`, data sets; writes the tables of the intrusion.
 * Strict: joined by hard edges only; wide: cannot be told apart. Nothing is claimed that an answer did not give.
 */
export * from './link-statements.ts';
export * from './reconstruct.ts';
