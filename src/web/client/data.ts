import { useQuery } from '@tanstack/react-query';
import type { Result } from '../../result.ts';
import type { FigureSplit, Revisions } from '../../revisions/index.ts';
import type { StepDetection, StepEvent, StepRecovered } from '../queries.ts';
import type { Rebuild } from '../served-case.ts';

export type { FigureSplit, Rebuild, Result, Revisions, StepDetection, StepEvent, StepRecovered };

export type CaseInfo = {
  id: string;
  title: { ja: string; en: string };
  timezone: string;
  organisation: string | null;
  systems: { id: string; name: string }[];
};
export type Timeline = { fromUs: number; toUs: number; buckets: number; rows: { evidence_id: string; bucket: number; events: number; intruder: number }[] };
export type EvidenceLine = { file: string; line: number; byte: number; bytes: number; sha256: string; text: string };

export type Decision = {
  seq: number;
  kind: string;
  by: string;
  at: string;
  body: Record<string, unknown>;
  withdrawnBy: number | null;
  followed: boolean;
};
export type Decisions = { decisions: Decision[]; stale: boolean; rebuildable: boolean };

/** An error the server explains: `code` names a sentence in the catalogues. */
export class ApiError extends Error {
  readonly code: string;
  readonly params: Record<string, string | number>;
  constructor(code: string, params: Record<string, string | number>) {
    super(code);
    this.code = code;
    this.params = params;
  }
}

export async function get<T>(path: string): Promise<T> {
  return read<T>(await fetch(`/api${path}`));
}

async function read<T>(response: Response): Promise<T> {
  const body = (await response.json()) as T & { error?: { code: string; params: Record<string, string | number> } };
  if (!response.ok) throw new ApiError(body.error?.code ?? 'web.internal', body.error?.params ?? {});
  return body;
}

/** Send JSON; errors as with `get`. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`/api${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return read<T>(response);
}

const useGet = <T>(path: string) => useQuery({ queryKey: [path], queryFn: () => get<T>(path), staleTime: 60_000, retry: false });

export const useCase = () => useGet<CaseInfo>('/case');
export const useResult = () => useGet<Result>('/result');
export const useTimeline = () => useGet<Timeline>('/timeline');
export const useLine = (file: string, line: number) => useGet<EvidenceLine>(`/line?file=${encodeURIComponent(file)}&line=${line}`);
export const useExplanation = (ref: string) => useGet<unknown>(`/explain?ref=${encodeURIComponent(ref)}`);
export const useRevisions = (from: number | null, to: number | null) =>
  useGet<Revisions>(`/revisions${from === null && to === null ? '' : `?from=${from ?? 0}&to=${to ?? 0}`}`);
export const useDecisions = () => useGet<Decisions>('/decisions');
export const useStepDetections = (id: string) => useGet<StepDetection[]>(`/steps/${encodeURIComponent(id)}/detections`);
export const useStepRecovered = (id: string) => useGet<StepRecovered[]>(`/steps/${encodeURIComponent(id)}/recovered`);
