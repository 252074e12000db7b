export * from './calendar.ts';
export * from './deadline.ts';
export * from './determine.ts';
export * from './law.ts';
