/** Stage ⑧: what authorities, the public and executives read. Reads result.json's data; writes report.html and reports/. No number is typed. */
export * from './announcement.ts';
export * from './numbers.ts';
export * from './report-input.ts';
export * from './spoken.ts';
export * from './tables.ts';
export * from './technical.ts';
export * from './template.ts';
export { countEventsOverTime } from './timeline.ts';
export * from './write-reports.ts';
