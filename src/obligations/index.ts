export * from './calendar.ts';
export * from './deadline.ts';
export * from './law.ts';
