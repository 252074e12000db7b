/**
 * Which events matter, by which rule or method. Reads the view `event`; writes `detection` and `detection_event`.
 * A detection never claims more than its basis: attempted, blocked, unknown, succeeded (with what showed it).
 */

export { loginStatement } from './behaviour/login-accounts.ts';
export { loginPath } from './behaviour/sign-in-answers.ts';
export { pagePart } from './behaviour/weigh-clients.ts';
export * from './detect.ts';
export { type DetectFilesOptions, detectFiles } from './detect-files.ts';
export * from './sql/index.ts';
export { type Detection, replaceDetections, type StepKind } from './tables.ts';
export { idleSessionUs, readingUs } from './times.ts';
