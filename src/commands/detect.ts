export { detectFiles } from '../detections/index.ts';
