import { EncodingSurvey } from './datasets/encoding.ts';
import type { Sample, Source } from './source.ts';

/**
 * The encoding label a file is read with. What the case states holds; `auto` looks at the sample. Web access logs are bytes that anybody may
 * have sent, so for them only UTF-16 is looked for: legacy text in a request is found by the decoding chain, request by request.
 */
export function contentEncoding(stated: string, source: Source, sample: Sample): string {
  if (source.binary) return 'utf-8';
  const survey = new EncodingSurvey();
  survey.add(sample.head);
  if (stated === 'auto' || stated === '') for (const line of sample.lines) survey.add(line);
  const { label } = survey.finish(stated === '' ? 'auto' : stated);
  return stated === 'auto' && source.kind === 'web-access' && !label.startsWith('utf-16') ? 'utf-8' : label;
}
